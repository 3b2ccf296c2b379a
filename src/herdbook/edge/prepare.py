"""From a source clip to clips as a device day carries them: H.264 in MP4, video only, inside the day, not too long."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from herdbook.contracts.durable import disk_full_is_said
from herdbook.contracts.farmtime import DayExtent
from herdbook.edge import video
from herdbook.edge.clips import SourceClip, clip_name

_TICKS = 90_000  # per second, the usual clock of video
_LONG = 1.5  # a clip this many times longer than wanted is cut


@dataclass(frozen=True)
class Prepared:
    """A finished clip in the day's folder and the instant of its first frame."""

    path: Path
    start: datetime


def prepare(
    clip: SourceClip, header: video.Probe, *, extent: DayExtent, camera_id: str, folder: Path, clip_s: float
) -> Iterator[Prepared]:
    """Bring a source clip into a folder, changing as little as possible.

    H.264 in MP4 that lies inside the day is linked or copied whole; other containers, sound and great length cost a
    copy of the packets, cut at key frames; other codecs and clips across midnight are encoded anew.
    """
    end = clip.start + timedelta(seconds=header.duration_s)
    inside = extent.start <= clip.start and end <= extent.end
    long = header.duration_s > _LONG * clip_s
    with disk_full_is_said(folder):
        if header.codec == "h264" and inside and not long and "mp4" in header.container and header.streams == 1:
            target = _free_name(folder, camera_id, clip.start)
            link_or_copy(clip.path, target)
            yield Prepared(target, clip.start)
        elif header.codec == "h264" and inside and _has_times(clip.path):
            yield from _copy_packets(clip, camera_id, folder, clip_s)
        else:
            yield from _encode(clip, extent, camera_id, folder, clip_s)


def link_or_copy(source: Path, target: Path) -> None:
    """A second name for the same bytes, or a copy where the file system has no hard links or forbids them."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def encode_again(path: Path) -> None:
    """Replace a damaged clip by one that holds the frames that decode, and decodes."""
    whole = path.with_name(f"{path.stem}-whole.mp4")
    with disk_full_is_said(path):
        writer: _Writer | None = None
        for second, frame in video.decode(path):
            writer = writer or _Writer(whole, frame)
            writer.write(second, frame)
        if writer is not None:
            writer.close()
            whole.replace(path)


def _free_name(folder: Path, camera_id: str, start: datetime) -> Path:
    path = folder / clip_name(camera_id, start)
    n = 2
    while path.exists():
        path = folder / clip_name(f"{camera_id}-{n}", start)
        n += 1
    return path


def _has_times(path: Path) -> bool:
    """Whether every packet says when it is decoded and shown; Matroska leaves that open for reordered pictures."""
    try:
        with av.open(str(path)) as container:
            return all(None not in (p.dts, p.pts) for p in container.demux(video=0) if p.size)
    except av.error.FFmpegError:
        return False


def _copy_packets(clip: SourceClip, camera_id: str, folder: Path, clip_s: float) -> Iterator[Prepared]:
    """Packets into new files; a part starts at a key frame, so that it decodes on its own."""
    with av.open(str(clip.path)) as container:
        stream = container.streams.video[0]
        output: Any = None
        first: int | None = None
        origin = 0
        done: Prepared | None = None
        try:
            for packet in container.demux(stream):
                if packet.pts is None or packet.dts is None:
                    continue  # the empty packet at the end
                if first is None and not packet.is_keyframe:
                    continue
                first = packet.pts if first is None else first
                age = float((packet.pts - origin) * packet.time_base)
                if output is None or (packet.is_keyframe and age >= clip_s):
                    if output is not None and done is not None:
                        output.close()
                        yield done
                    origin = packet.pts
                    start = clip.start + timedelta(seconds=float((origin - first) * packet.time_base))
                    done = Prepared(_free_name(folder, camera_id, start), start)
                    output = av.open(str(done.path), "w", format="mp4", options={"fflags": "+bitexact"})
                    target = output.add_stream_from_template(stream)
                packet.pts -= origin
                packet.dts -= origin
                packet.stream = target
                output.mux(packet)
        except av.error.InvalidDataError:
            pass  # what was read until here is kept; what is missing shows as a gap
        if output is not None and done is not None:
            output.close()
            yield done


def _encode(clip: SourceClip, extent: DayExtent, camera_id: str, folder: Path, clip_s: float) -> Iterator[Prepared]:
    writer: _Writer | None = None
    done: Prepared | None = None
    origin = 0.0
    for second, frame in video.decode(clip.path):
        at = clip.start + timedelta(seconds=second)
        if not extent.start <= at < extent.end:
            continue
        if writer is None or done is None or second - origin >= clip_s:
            if writer is not None and done is not None:
                writer.close()
                yield done
            origin = second
            done = Prepared(_free_name(folder, camera_id, at), at)
            writer = _Writer(done.path, frame)
        writer.write(second - origin, frame)
    if writer is not None and done is not None:
        writer.close()
        yield done


class _Writer:
    """An H.264 file under way; frames keep their times."""

    def __init__(self, path: Path, like: av.VideoFrame) -> None:
        self._output = av.open(str(path), "w", format="mp4", options={"fflags": "+bitexact"})
        stream: Any = self._output.add_stream("libx264", options={"preset": "veryfast", "crf": "23"})
        stream.width, stream.height = like.width - like.width % 2, like.height - like.height % 2
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, _TICKS)
        self._stream = stream

    def write(self, second: float, frame: av.VideoFrame) -> None:
        """Append a frame shown `second` seconds after the file's first."""
        plain = frame.reformat(self._stream.width, self._stream.height, "yuv420p")
        plain.pts, plain.time_base = round(second * _TICKS), Fraction(1, _TICKS)
        plain.pict_type = av.video.frame.PictureType.NONE
        self._output.mux(self._stream.encode(plain))

    def close(self) -> None:
        """Finish the file."""
        self._output.mux(self._stream.encode(None))
        self._output.close()
