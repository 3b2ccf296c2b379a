"""Reading footage with PyAV: what a file is, and its frames, tolerating damage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from herdbook.edge.perception.base import Image
from herdbook.errors import VideoSourceError

_MAX_JUMP_S = 24 * 3600.0


@dataclass(frozen=True)
class Probe:
    """What a video file's header says."""

    width: int
    height: int
    fps: float
    duration_s: float
    codec: str
    container: str
    streams: int


@dataclass
class Damage:
    """What could not be decoded: seconds from the clip's start, and what the decoder said."""

    spans: list[tuple[float, float]] = field(default_factory=list)
    message: str = ""

    def add(self, second: float, length: float, message: str) -> None:
        """Note that nothing usable was shown from a second on."""
        self.message = self.message or message
        if self.spans and second <= self.spans[-1][1] + length:
            self.spans[-1] = (self.spans[-1][0], max(self.spans[-1][1], second + length))
        else:
            self.spans.append((second, second + length))


def probe(path: Path) -> Probe:
    """Open a video file and read its header.

    Raises:
        VideoSourceError: it is absent, or holds no video.
    """
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            # Guessed, not averaged: a stop inside a clip does not make it slow.
            rate = stream.guessed_rate or stream.average_rate or Fraction(25)
            return Probe(
                stream.codec_context.width,
                stream.codec_context.height,
                float(rate),
                _duration(container, stream, rate),
                stream.codec_context.name,
                container.format.name,
                len(container.streams),
            )
    except (av.error.FFmpegError, OSError, IndexError, ValueError) as error:
        raise VideoSourceError(f"{path} cannot be read as video: {error}") from error


def _duration(container: Any, stream: Any, rate: Fraction) -> float:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if container.duration:
        return float(container.duration / av.time_base)
    return float(stream.frames / rate) if stream.frames else 0.0


def decode(path: Path, damage: Damage | None = None) -> Iterator[tuple[float, av.VideoFrame]]:
    """Seconds since the clip's first frame and each frame that decodes, times strictly increasing.

    Packets that do not decode and frames that the decoder patched up are left out and noted in `damage`.

    Raises:
        VideoSourceError: the file cannot be opened at all.
    """
    damage = damage if damage is not None else Damage()
    try:
        container = av.open(str(path))
        stream = container.streams.video[0]
    except (av.error.FFmpegError, OSError, IndexError) as error:
        raise VideoSourceError(f"{path} cannot be read as video: {error}") from error
    with container:
        rate = stream.average_rate or stream.guessed_rate or Fraction(25)
        period = float(1 / rate)
        first: float | None = None
        last = -1.0
        packets = _packets(container, stream, damage, period)
        for packet in packets:
            try:
                frames = packet.decode()
            except av.error.FFmpegError as error:
                damage.add(max(last, 0.0), period, str(error))
                continue
            for frame in frames:
                moment = float(frame.pts * frame.time_base) if frame.pts is not None else last + period
                first = moment if first is None else first
                second = moment - first
                if frame.is_corrupt:
                    damage.add(second, period, "damaged frames")
                elif last < second < last + _MAX_JUMP_S:
                    last = second
                    yield second, frame


def _packets(container: Any, stream: Any, damage: Damage, period: float) -> Iterator[Any]:
    """Packets up to the end, or to where the file cannot be read any further."""
    last = 0.0
    try:
        for packet in container.demux(stream):
            if packet.pts is not None and packet.time_base:
                last = float(packet.pts * packet.time_base)
            yield packet
    except av.error.FFmpegError as error:
        damage.add(last, period, str(error))


def picture(frame: av.VideoFrame) -> Image:
    """A frame as BGR. The common pixel format is converted by OpenCV, several times faster than by libswscale."""
    if frame.format.name == "yuv420p" and frame.width % 2 == 0 and frame.height % 2 == 0:
        import cv2

        return np.asarray(cv2.cvtColor(frame.to_ndarray(), cv2.COLOR_YUV2BGR_I420), np.uint8)
    return np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)


def read_picture(path: Path) -> Image:
    """A still picture as BGR.

    Raises:
        VideoSourceError: it cannot be read.
    """
    try:
        with av.open(str(path)) as container:
            return np.asarray(next(container.decode(video=0)).to_ndarray(format="bgr24"), np.uint8)
    except (av.error.FFmpegError, OSError, StopIteration, IndexError) as error:
        raise VideoSourceError(f"{path} cannot be read as a picture: {error}") from error


def samples(paths: list[Path], wanted: int) -> Iterator[Image]:
    """At most `wanted` frames spread over clips: key frames where there are enough, otherwise every n-th frame."""
    keys = sum(_key_frames(path) for path in paths)
    keys_only = keys >= wanted
    total = keys if keys_only else sum(_frames(path) for path in paths)
    stride = max(1, -(-total // wanted))
    n = 0
    for path in paths:
        for frame in _quietly(path, keys_only):
            if n % stride == 0:
                yield picture(frame)
            n += 1


def _key_frames(path: Path) -> int:
    try:
        with av.open(str(path)) as container:
            return sum(packet.is_keyframe for packet in container.demux(video=0))
    except (av.error.FFmpegError, OSError, IndexError):
        return 0


def _frames(path: Path) -> int:
    try:
        header = probe(path)
    except VideoSourceError:
        return 0
    return round(header.duration_s * header.fps)


def _quietly(path: Path, keys_only: bool) -> Iterator[av.VideoFrame]:
    """Frames up to the first trouble; the recorder is what reports trouble."""
    try:
        with av.open(str(path)) as container:
            if keys_only:
                container.streams.video[0].codec_context.skip_frame = "NONKEY"
            yield from container.decode(video=0)
    except (av.error.FFmpegError, OSError, IndexError):
        return
