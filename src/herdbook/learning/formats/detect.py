"""Which format a track file has, told by its content, never by its name."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from herdbook.errors import FileFormatError, NotFoundError
from herdbook.learning.formats import boxes, edinburgh, motchallenge
from herdbook.learning.formats.source import read_bytes
from herdbook.learning.formats.tracks import Tracks


class TrackFormat(StrEnum):
    """Formats that tracks are read from."""

    MOTCHALLENGE = "motchallenge"
    EDINBURGH = "edinburgh"
    BOXES = "boxes"


_EXPECTED = (
    "Known are MOTChallenge text, Edinburgh output.json, and this platform's boxes Parquet or device-day folder."
)


def detect_format(path: Path) -> TrackFormat:
    """The format of a file or folder.

    Raises:
        NotFoundError, InputError: there is nothing, or it cannot be read.
        FileFormatError: it is empty, or none of the known formats.
    """
    if path.is_dir():
        return _folder_format(path)
    head = read_bytes(path, 4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(b"PAR1"):
        return TrackFormat.BOXES
    if head.startswith(b"{"):
        return TrackFormat.EDINBURGH
    line = head.partition(b"\n")[0].decode("utf-8", errors="replace")
    if motchallenge.parse_line(line) is not None:
        return TrackFormat.MOTCHALLENGE
    raise FileFormatError(f"{path} is no track file; it starts {line[:40]!r}", _EXPECTED)


def _folder_format(path: Path) -> TrackFormat:
    if (path / edinburgh.FILE).is_file():
        return TrackFormat.EDINBURGH
    if (path / boxes.MANIFEST).is_file() or any(boxes.is_boxes(file) for file in path.glob("*.parquet")):
        return TrackFormat.BOXES
    raise NotFoundError(f"the folder {path} holds no tracks", _EXPECTED)


def read_tracks(
    path: Path,
    track_format: TrackFormat | None = None,
    *,
    truth: bool = False,
    camera: str | None = None,
    clip: str | None = None,
) -> Tracks:
    """Read tracks from a file or folder.

    Args:
        path: what to read.
        track_format: its format; told by its content if not given.
        truth: whether it is ground truth, in which MOTChallenge boxes with confidence 0 do not count.
        camera, clip: which of a device day's, for boxes.

    Raises:
        NotFoundError, InputError: there is nothing, or it cannot be read.
        FileFormatError: it is not of the format, or a box is not valid.
    """
    match track_format or detect_format(path):
        case TrackFormat.MOTCHALLENGE:
            return motchallenge.read_motchallenge(path, truth=truth)
        case TrackFormat.EDINBURGH:
            return edinburgh.read_edinburgh(path)
        case TrackFormat.BOXES:
            return boxes.read_boxes(path, camera=camera, clip=clip)
