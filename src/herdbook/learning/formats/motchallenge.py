"""MOTChallenge text: one box per line, ``frame, id, x, y, width, height[, confidence, …]``, frames from 1.

Ground truth marks with confidence 0 the boxes that do not count (crowds, other classes); they are left out. What
follows the confidence is class and visibility (MOT16 on) or world coordinates (MOT15) and is not needed.
Sources: Leal-Taixé et al. 2015, arXiv:1504.01942; Milan et al. 2016, arXiv:1603.00831, table 3.
"""

from __future__ import annotations

import re
from pathlib import Path

from herdbook.errors import FileFormatError
from herdbook.learning.formats.source import read_text
from herdbook.learning.formats.tracks import MAX_BOXES, Tracks

_SEPARATOR = re.compile(r"\s*[,;]\s*|\s+")
_COLUMNS = "frame, id, x, y, width, height[, confidence, …]"


def parse_line(line: str) -> list[float] | None:
    """A line's numbers if it has at least the six that every MOTChallenge line has, otherwise none."""
    try:
        numbers = [float(field) for field in _SEPARATOR.split(line.strip().rstrip(",;"))]
    except ValueError:
        return None
    return numbers if len(numbers) >= 6 else None


def read_motchallenge(path: Path, *, truth: bool = False) -> Tracks:
    """Read a MOTChallenge file, separated by commas, semicolons or white space.

    Args:
        path: the file.
        truth: whether it is ground truth, in which boxes with confidence 0 do not count.

    Raises:
        NotFoundError, InputError: the file cannot be read.
        FileFormatError: a line is not of the format, or a box is not valid.
    """
    frames: list[int] = []
    ids: list[int] = []
    boxes: list[list[float]] = []
    ignored = 0
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        row = parse_line(line)
        if row is None:
            raise FileFormatError(
                f"{path}, line {number}: expected {_COLUMNS}, got {line.strip()[:60]!r}",
                "Export the file again as MOTChallenge text: numbers only, one box per line, no header.",
            )
        if truth and len(row) > 6 and row[6] == 0:
            ignored += 1
            continue
        frames.append(_whole(path, number, "frame", row[0]))
        ids.append(_identity(path, number, row[1]))
        boxes.append(row[2:6])
        if len(frames) > MAX_BOXES:
            raise FileFormatError(f"{path} holds more than {MAX_BOXES:,} boxes", "Split the sequence.")
    remarks = (f"{ignored} boxes with confidence 0 do not count",) if ignored else ()
    return Tracks.checked(str(path), frames, ids, boxes, remarks=remarks)


def _whole(path: Path, line: int, what: str, value: float) -> int:
    if not (value.is_integer() and abs(value) < 2**53):
        raise FileFormatError(f"{path}, line {line}: {what} {value:g} is not a whole number")
    return int(value)


def _identity(path: Path, line: int, value: float) -> int:
    identity = _whole(path, line, "id", value)
    if identity < 0:
        raise FileFormatError(
            f"{path}, line {line}: id {identity} says that nobody was identified",
            "These are detections, not tracks: run a tracker over them first.",
        )
    return identity
