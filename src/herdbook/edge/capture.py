"""Live footage into the spool: cut into clips, connecting again for as long as it takes, noting what was missed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av

from herdbook.contracts.durable import make_folder
from herdbook.contracts.farmtime import day_extent, local_day
from herdbook.edge.config import DeviceCamera
from herdbook.edge.live import open_live
from herdbook.edge.spool import SpoolClip, note_gap, recover, spool_folder

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
_TOLD = timedelta(seconds=0.5)
_STARTING = "the recorder was stopped or connecting"


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
        """Prepare the spool, as the device's one recorder (`locks.one_recorder`).

        Args:
            stop: ends the capture.
            silence_s: a stream that shows nothing for this long is taken for broken.
            remark: told what happens to the connection, for people.
        """
        self._camera, self._timezone, self._clip_s = camera, timezone, clip_s
        self._stop, self._silence_s, self._remark = stop, silence_s, remark
        self._folder = make_folder(spool_folder(root, camera.camera_id))
        self._period = timedelta(seconds=1 / camera.fps)
        self._seen_until: datetime | None = recover(self._folder, camera.camera_id, self._period)
        self._reason = _STARTING

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
                reason = f"interrupted: {getattr(error, 'strerror', None) or 'it shows no video'}"
            if self._stop.is_set():
                break
            if self._seen_until > before or self._reason == _STARTING:
                self._reason, pause = reason, FIRST_PAUSE_S  # what ended it, not what the attempts after it met
            self._remark(f"camera {self._camera.camera_id}: {reason}; trying again in {pause:.0f} s")
            self._stop.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)
        try:
            self._missed_until(datetime.now(UTC))
        except OSError as error:  # the next recorder sees by the last clip since when nothing was captured
            self._remark(f"camera {self._camera.camera_id}: the last gap is not noted: {error.strerror}")

    def _connection(self) -> None:
        """From opening the stream to its end."""
        with open_live(self._camera, self._silence_s) as container:
            stream = container.streams.video[0]
            # Streams do not say when reordered pictures are decoded, which a file must: those are encoded anew.
            copy = stream.codec_context.name == "h264" and not stream.codec_context.has_b_frames
            clip: SpoolClip | None = None
            try:
                for packet in container.demux(stream):
                    if self._stop.is_set():
                        return
                    if packet.size == 0 or packet.pts is None:
                        continue
                    begins = packet.is_keyframe or not copy
                    if clip is None and not begins:
                        continue
                    if clip is None or (begins and self._is_full(clip)):
                        self._finish(clip)
                        clip = SpoolClip(self._folder, self._camera.camera_id, stream, copy=copy)
                    clip.write(packet, datetime.now(UTC))
            finally:
                self._finish(clip)

    def _finish(self, clip: SpoolClip | None) -> None:
        if clip is not None:
            span = clip.close()
            if span is not None:
                self._missed_until(span[0])
                self._seen_until = span[1] + self._period

    def _is_full(self, clip: SpoolClip) -> bool:
        """Clips end at their length and at midnight on the farm."""
        midnight = day_extent(local_day(clip.start, self._timezone), self._timezone).end
        return clip.seconds >= self._clip_s or clip.end >= midnight

    def _missed_until(self, moment: datetime) -> None:
        """Note a gap, unless it is so short that arrivals do not tell."""
        if self._seen_until is not None and moment - self._seen_until > max(2 * self._period, _TOLD):
            note_gap(self._folder, self._seen_until, moment, self._reason)
