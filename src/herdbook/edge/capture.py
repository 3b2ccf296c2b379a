"""Live footage into the spool: cut into clips, connecting again for as long as it takes, noting what was missed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from herdbook.contracts.farmtime import day_extent, local_day
from herdbook.edge.config import DeviceCamera
from herdbook.edge.live import open_live
from herdbook.edge.spool import SpoolClip, note_gap, recover, spool_folder

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
_DRIFT_S = 1.0


class Capture:
    """One camera's stream, captured until it is told to stop. Run it in a thread of its own."""

    def __init__(
        self,
        camera: DeviceCamera,
        root: Path,
        *,
        timezone: str,
        clip_s: float,
        stop: threading.Event,
        silence_s: float = 10.0,
        remark: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Prepare the spool.

        Args:
            stop: ends the capture.
            silence_s: a stream that shows nothing for this long is taken for broken.
            remark: told what happens to the connection, for people.
        """
        self._camera, self._timezone, self._clip_s = camera, timezone, clip_s
        self._stop, self._silence_s, self._remark = stop, silence_s, remark
        self._folder = spool_folder(root, camera.camera_id)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._period = timedelta(seconds=1 / camera.fps)
        self._seen_until: datetime | None = recover(self._folder, camera.camera_id, self._period)
        self._reason = "the device was not recording"

    def run(self) -> None:
        """Capture, and connect again after each failure: at once, then after pauses that double up to a minute."""
        began = datetime.now(UTC)
        self._seen_until = self._seen_until or began
        pause = FIRST_PAUSE_S
        while not self._stop.is_set():
            before = self._seen_until
            try:
                self._connection()
                reason = "the stream ended"
            except (av.error.FFmpegError, OSError, IndexError, ValueError) as error:
                reason = f"connection lost: {getattr(error, 'strerror', None) or error}"
            if self._stop.is_set():
                break
            self._reason = reason
            if self._seen_until > before:
                pause = FIRST_PAUSE_S
            self._remark(f"camera {self._camera.camera_id}: {self._reason}; trying again in {pause:.0f} s")
            self._stop.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)
        self._missed_until(datetime.now(UTC))

    def _connection(self) -> None:
        """From opening the stream to its end."""
        with open_live(self._camera, self._silence_s) as container:
            stream = container.streams.video[0]
            copy = stream.codec_context.name == "h264"
            clip: SpoolClip | None = None
            anchor: datetime | None = None
            try:
                for packet in container.demux(stream):
                    if self._stop.is_set():
                        return
                    if packet.size == 0 or (clip is None and copy and not packet.is_keyframe):
                        continue
                    now = datetime.now(UTC)
                    at, anchor = self._instant(packet, now, anchor, new=clip is None)
                    if clip is None:
                        self._missed_until(at)
                    if clip is None or ((packet.is_keyframe or not copy) and self._cut(clip, at)):
                        if clip is not None:
                            clip.close()
                        clip = SpoolClip(self._folder, self._camera.camera_id, at, stream, copy=copy)
                    clip.write(packet)
                    self._seen_until = max(self._seen_until or at, at + self._period)
            finally:
                if clip is not None:
                    clip.close()

    def _instant(
        self, packet: Any, now: datetime, anchor: datetime | None, *, new: bool
    ) -> tuple[datetime, datetime | None]:
        """When a packet was seen: by the stream's own clock, set by ours at its start and when they drift apart."""
        if packet.pts is None or packet.time_base is None:
            return now, anchor
        offset = timedelta(seconds=float(packet.pts * Fraction(packet.time_base)))
        if anchor is None or new or abs(now - (anchor + offset)) > timedelta(seconds=_DRIFT_S):
            anchor = now - offset
        return anchor + offset, anchor

    def _cut(self, clip: SpoolClip, at: datetime) -> bool:
        """Clips end at their length and at midnight on the farm."""
        if (at - clip.start).total_seconds() >= self._clip_s:
            return True
        return at >= day_extent(local_day(clip.start, self._timezone), self._timezone).end

    def _missed_until(self, moment: datetime) -> None:
        if self._seen_until is not None and moment - self._seen_until > 2 * self._period:
            note_gap(self._folder, self._seen_until, moment, self._reason)
        self._seen_until = moment
