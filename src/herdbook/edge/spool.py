"""Where live footage waits: ``<root>/spool/<camera>/`` with clips by name, and a journal of what was missed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from herdbook.contracts.durable import replace_durably
from herdbook.contracts.records import CameraState
from herdbook.edge.clips import clip_name, clips_in_folder
from herdbook.edge.coverage import Spell

GAPS = "gaps.jsonl"
PART = ".part"
"""Ending of a clip under way."""
_TICKS = 90_000


def spool_folder(root: Path, camera_id: str) -> Path:
    """The folder of one camera's live footage."""
    return root / "spool" / camera_id


def note_gap(
    folder: Path, start: datetime, end: datetime, reason: str, *, state: CameraState = CameraState.OFF
) -> None:
    """Write down, durably, that nothing was seen for a while, or that something was not as it should be."""
    entry = {"start": start.isoformat(), "end": end.isoformat(), "reason": reason}
    entry |= {} if state is CameraState.OFF else {"state": state.value}
    line = json.dumps(entry, ensure_ascii=False)
    with (folder / GAPS).open("a", encoding="utf-8") as stream:
        stream.write(line + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def read_gaps(folder: Path) -> list[Spell]:
    """The journal. A line that a power cut left half written is passed over."""
    spells = []
    try:
        lines = (folder / GAPS).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    for line in lines:
        try:
            entry = json.loads(line)
            start, end = datetime.fromisoformat(entry["start"]), datetime.fromisoformat(entry["end"])
            state = CameraState(entry.get("state", CameraState.OFF.value))
        except (ValueError, KeyError, TypeError):
            continue
        if end > start:
            spells.append(Spell(start, end, state, str(entry.get("reason", "no footage"))))
    return spells


class SpoolClip:
    """A clip under way. It is a fragmented MP4: after a power cut all but the last fragment can be read.

    When it began is known best once it is finished. Packets come late, never early, so the instant of the first is
    the least of "arrival less age" over all of them; those that a stream's opening held back do not count.
    """

    def __init__(self, folder: Path, camera_id: str, like: Any, *, copy: bool) -> None:
        self._folder, self._camera_id = folder, camera_id
        self._part = _free(folder, camera_id, datetime.now(UTC), PART)
        options = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "fflags": "+bitexact+flush_packets"}
        self._output = av.open(str(self._part), "w", format="mp4", options=options)
        self._origin: int | None = None
        self._encoder: Any = None
        self.start = datetime.now(UTC)
        self.seconds = 0.0
        """Age of the newest packet."""
        if copy:
            self._stream = self._output.add_stream_from_template(like)
        else:
            self._stream = self._encoder = self._output.add_stream(
                "libx264", options={"preset": "veryfast", "crf": "23", "tune": "zerolatency", "g": "50"}
            )
            context = like.codec_context
            self._encoder.width, self._encoder.height = context.width, context.height
            self._encoder.pix_fmt = "yuv420p"
            self._encoder.codec_context.time_base = Fraction(1, _TICKS)

    @property
    def end(self) -> datetime:
        """The instant of the newest packet."""
        return self.start + timedelta(seconds=self.seconds)

    def write(self, packet: Any, arrived: datetime) -> None:
        """Append a packet of the stream."""
        if self._origin is None:
            self._origin = packet.pts
            self.start = arrived
        age = float((packet.pts - self._origin) * packet.time_base)
        self.seconds = max(self.seconds, age)
        self.start = min(self.start, arrived - timedelta(seconds=age))
        if self._encoder is None:
            packet.pts -= self._origin
            packet.dts = packet.pts
            packet.stream = self._stream
            self._output.mux(packet)
            return
        for frame in packet.decode():
            plain = frame.reformat(format="yuv420p")
            plain.pts, plain.time_base = round(age * _TICKS), Fraction(1, _TICKS)
            plain.pict_type = av.video.frame.PictureType.NONE
            self._output.mux(self._encoder.encode(plain))

    def close(self) -> tuple[datetime, datetime] | None:
        """Finish the clip and give it its name; returns the instants of its first and last picture, if it has any.

        What counts is what is in the file: a disk that filled up may have taken less than was written.
        """
        try:
            if self._encoder is not None and self._origin is not None:
                self._output.mux(self._encoder.encode(None))
            self._output.close()
        except OSError:
            pass  # the next clip will say so
        seconds = _keep(self._part, _free(self._folder, self._camera_id, self.start))
        return None if seconds is None else (self.start, self.start + timedelta(seconds=seconds))


def recover(folder: Path, camera_id: str, period: timedelta) -> datetime | None:
    """Keep what a power cut left of the last clip, and say until when footage of the camera reaches.

    Only a device's one recorder may do this: the clip under way of another would be taken for a left-over.
    """
    for part in folder.glob(f"*{PART}"):
        _keep(part, part.with_name(part.name.removesuffix(PART)))
    clips = clips_in_folder(folder)
    if not clips:
        return None
    last = max(_seconds(clips[-1].path), default=0.0)
    return clips[-1].start + timedelta(seconds=last) + period


def _keep(part: Path, name: Path) -> float | None:
    """Give a clip its name if it holds any picture; seconds from the first to the last of them."""
    seconds = max(_seconds(part), default=None)
    if seconds is None:
        part.unlink(missing_ok=True)
    else:
        replace_durably(part, name)
    return seconds


def _seconds(path: Path) -> Iterator[float]:
    """Seconds from the first picture of a file to each, without decoding."""
    try:
        with av.open(str(path)) as container:
            first: float | None = None
            for packet in container.demux(video=0):
                if packet.pts is not None and packet.time_base is not None:
                    moment = float(packet.pts * packet.time_base)
                    first = moment if first is None else first
                    yield moment - first
    except (av.error.FFmpegError, OSError, IndexError):
        return


def _free(folder: Path, camera_id: str, start: datetime, suffix: str = "") -> Path:
    n = 1
    while True:
        path = folder / (clip_name(camera_id if n == 1 else f"{camera_id}-{n}", start) + suffix)
        if not path.exists():
            return path
        n += 1
