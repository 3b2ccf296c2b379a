"""times.txt: one capture moment per video frame."""

from __future__ import annotations

from pathlib import Path

import pytest

from herdbook.errors import FileFormatError
from herdbook.learning.formats.capture_times import read_capture_times


def write(folder: Path, *lines: str) -> Path:
    path = folder / "times.txt"
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize(
    "lines",
    [
        ("1572937200.25", "1572937200.75"),
        ("1572937200250", "1572937200750"),
        ("1572937200250000", "1572937200750000"),
        ("1572937200250000000", "1572937200750000000"),
        ("2019-11-05T07:00:00.250", "2019-11-05T07:00:00.750"),
        ("2019-11-05 07:00:00.250", "2019-11-05 07:00:00.750"),
        ("2019-11-05T07:00:00.250Z", "2019-11-05T07:00:00.750Z"),
        ("07:00:00.250", "07:00:00.750", ""),
        ("0 1572937200.25", "1 1572937200.75"),
        ("0, 07:00:00.250", "1, 07:00:00.750"),
        ("0\t2019-11-05 07:00:00.250", "1\t2019-11-05 07:00:00.750"),
    ],
)
def test_seconds_from_the_first_frame(tmp_path: Path, lines: tuple[str, ...]) -> None:
    assert read_capture_times(write(tmp_path, *lines)).tolist() == pytest.approx([0, 0.5], abs=1e-6)


@pytest.mark.parametrize("line", ["yesterday", "nan", "1 2 3", "2019-13-05 07:00:00"])
def test_a_line_that_is_no_moment_is_refused_with_its_number(tmp_path: Path, line: str) -> None:
    with pytest.raises(FileFormatError, match=r"times.txt, line 2: .* is not a moment"):
        read_capture_times(write(tmp_path, "1572937200.25", line))
