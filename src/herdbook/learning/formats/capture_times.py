"""``times.txt`` of an Edinburgh clip: when each video frame was captured, one line per frame.

The dataset's page does not publish how the moments are written. Understood are seconds, milli-, micro- or nanoseconds
since 1970, ISO date-times and clock times, each optionally after the frame's number.
"""

from __future__ import annotations

from datetime import datetime, time
from pathlib import Path

import numpy as np

from herdbook.errors import FileFormatError
from herdbook.learning.formats.source import read_text
from herdbook.learning.formats.tracks import Floats

_MIDNIGHT = datetime(2000, 1, 1)  # noqa: DTZ001 - only differences count
_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))


def read_capture_times(path: Path) -> Floats:
    """Seconds from the first frame to each, (frames,); they may be negative where the clock was set back.

    Raises:
        NotFoundError, InputError: the file cannot be read.
        FileFormatError: a line is not a moment.
    """
    lines = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    moments = [_seconds(path, number, line) for number, line in enumerate(lines, start=1)]
    return np.asarray(moments, dtype=np.float64) - np.float64(moments[0])


def _seconds(path: Path, number: int, line: str) -> float:
    fields = line.replace(",", " ").replace(";", " ").split()
    candidates = [" ".join(fields)]
    if len(fields) > 1 and fields[0].isdecimal():
        candidates.append(" ".join(fields[1:]))
    for text in candidates:
        seconds = _moment(text)
        if seconds is not None:
            return seconds
    raise FileFormatError(
        f"{path}, line {number}: {line[:60]!r} is not a moment",
        "Each line is one frame's capture time: seconds since 1970, an ISO date-time, or HH:MM:SS.",
    )


def _moment(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return _written(text)
    if not np.isfinite(value):
        return None
    return value / next((unit for above, unit in _UNITS if abs(value) > above), 1.0)


def _written(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            moment = datetime.combine(_MIDNIGHT, time.fromisoformat(text))
        except ValueError:
            return None
    return (moment.replace(tzinfo=None) - _MIDNIGHT).total_seconds()
