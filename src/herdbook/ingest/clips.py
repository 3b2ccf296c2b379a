"""Whether a clip is video: it opens, and its beginning, middle and end decode."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError

from herdbook.errors import ClipDecodeError

_CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm"
"""Formats that hold their own data and an index. Playlists, which would make the reader open files and addresses of
their choosing, are not among them."""
_FRAMES = 3


def require_decodable(path: Path, name: str) -> None:
    """Decode a few frames at the first, the middle and the last key frame.

    Decoding all would cost more than fetching: damage in between is the digest's business, not the decoder's.

    Args:
        name: what messages call the clip.

    Raises:
        ClipDecodeError: it is not video, holds no picture, or one of the places does not decode.
    """
    options = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "file"}
    try:
        with av.open(str(path), options=options) as container:
            if not container.streams.video:
                raise ClipDecodeError(f"{name} holds no video")
            stream = container.streams.video[0]
            if not _decode(container, stream):
                raise ClipDecodeError(f"{name} holds no picture")
            begin, length = stream.start_time or 0, stream.duration or 0
            for offset in (begin + length // 2, begin + length) if length else ():
                container.seek(offset, stream=stream, backward=True)
                if not _decode(container, stream):
                    seconds = float(length * (stream.time_base or 1))
                    raise ClipDecodeError(f"{name} breaks off before its {seconds:.1f} s are over")
    except (FFmpegError, OSError, ValueError) as error:
        raise ClipDecodeError(f"{name} does not decode as video: {_said(error)}") from error


def _decode(container: Any, stream: Any) -> int:
    """Number of frames decoded from here, at most a few."""
    count = 0
    for _ in container.decode(stream):
        count += 1
        if count == _FRAMES:
            break
    return count


def _said(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
