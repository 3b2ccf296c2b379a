"""Frames of a clip by their number, counted from 1 in the order shown."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np

from herdbook.errors import VideoSourceError
from herdbook.learning.pixels import Image, read_picture


class Index(NamedTuple):
    """A clip's frames, read off its packets without decoding; or a folder's pictures, named by their number."""

    stamps: dict[int, int]
    """Time stamp of each frame by its number, in the order shown."""
    keys: list[int]
    """Numbers of the frames that decode on their own."""
    second: float
    """Length of a time stamp's unit."""


def index_frames(path: Path) -> Index:
    """Read a clip's index.

    Raises:
        VideoSourceError: it is not video, or has no frames.
    """
    if path.is_dir():
        numbers = sorted(int(file.stem) for file in path.glob("*.png") if file.stem.isdecimal())
        if not numbers:
            raise VideoSourceError(f"{path} has no frames")
        return Index({number: number for number in numbers}, numbers, 0.0)
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            found = [(p.pts, p.is_keyframe) for p in container.demux(stream) if p.pts is not None and p.size]
            second = float(stream.time_base or 0)
    except (av.error.FFmpegError, OSError, IndexError) as error:
        raise VideoSourceError(f"{path} cannot be read as video: {error}") from error
    if not found:
        raise VideoSourceError(f"{path} has no frames")
    stamps = dict(enumerate(sorted(pts for pts, _ in found), start=1))
    key_stamps = {pts for pts, key in found if key}
    return Index(stamps, [number for number, pts in stamps.items() if pts in key_stamps], second)


def spaced(index: Index, every_s: float | None) -> list[int]:
    """Frame numbers to look at: one every so many seconds, or the key frames."""
    if every_s is None or index.second == 0:
        return index.keys
    chosen, due = [], float("-inf")
    for number, stamp in index.stamps.items():
        if stamp * index.second >= due - 1e-6:
            chosen.append(number)
            due = stamp * index.second + every_s
    return chosen


def read_frames(path: Path, index: Index, wanted: Collection[int]) -> Iterator[tuple[int, Image]]:
    """The wanted frames that decode whole, in order. Key frames alone are read without decoding what is between.

    Raises:
        VideoSourceError: the clip cannot be opened.
    """
    if not wanted:
        return
    if path.is_dir():
        for number in sorted(wanted):
            yield number, read_picture(path / f"{number:06d}.png")
        return
    keys_only = set(wanted) <= set(index.keys)
    numbers = {pts: number for number, pts in index.stamps.items()}
    last = max(wanted)
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "NONE" if keys_only else "AUTO"
            if keys_only:
                stream.codec_context.skip_frame = "NONKEY"
            for frame in _decoded(container, stream):
                number = numbers.get(frame.pts, 0)
                if number in wanted and not frame.is_corrupt:
                    yield number, np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
                if number >= last:
                    return
    except (av.error.FFmpegError, OSError, IndexError) as error:
        raise VideoSourceError(f"{path} cannot be read as video: {error}") from error


def _decoded(container: Any, stream: Any) -> Iterator[Any]:
    """Frames that decode; damaged packets are passed over, as the recorder does."""
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.error.FFmpegError:
            continue
