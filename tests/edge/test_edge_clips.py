from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from herdbook.contracts.identifiers import FileName
from herdbook.edge.clips import clip_name, clips_in_folder, snap, start_from_name

INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(INSTANTS)
def test_a_clips_name_says_its_start_to_the_millisecond_and_is_a_plain_file_name(start: datetime) -> None:
    name = clip_name("pen-1.top", start)
    said = start_from_name(Path(name))
    assert said is not None
    assert timedelta(0) <= start - said < timedelta(milliseconds=1)
    assert TypeAdapter(FileName).validate_python(name) == name


def test_names_that_say_no_start_are_no_clips(tmp_path: Path) -> None:
    for name in (
        "b_20260601T120001Z.mp4",
        "a_20260601T120000Z.MP4",
        "notes_20260601T120000Z.txt",
        "c.mp4",
        "x_20261301T120000Z.mp4",
    ):
        (tmp_path / name).touch()
    assert [clip.path.name for clip in clips_in_folder(tmp_path)] == [
        "a_20260601T120000Z.MP4",
        "b_20260601T120001Z.mp4",
    ]


@given(INSTANTS, st.integers(-3000, 3000))
def test_clips_that_follow_within_the_resolution_of_names_are_joined(end: datetime, milliseconds: int) -> None:
    start = end + timedelta(milliseconds=milliseconds)
    assert snap(start, end) == (end if abs(milliseconds) <= 1000 else start)
    assert snap(start, None) == start
