"""A track file is known by its content; what is none is refused with a reason, never a traceback."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sequences import PATIENT

from herdbook.contracts.records import BOXES_SCHEMA
from herdbook.errors import FileFormatError, HerdbookError, InputError, NotFoundError
from herdbook.learning.formats import TrackFormat, Tracks, detect_format, read_tracks

SHARED = Path(__file__).parents[3] / "shared/data"


def read_or_refusal(path: Path) -> Tracks | HerdbookError:
    try:
        return read_tracks(path, truth=True)
    except HerdbookError as error:
        return error


@pytest.mark.parametrize("name", ["tracks", "tracks.txt", "tracks.json", "tracks.parquet"])
def test_the_name_says_nothing_the_content_does(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("1,1,0,0,9,9\n")
    assert detect_format(path) is TrackFormat.MOTCHALLENGE
    path.write_text('\ufeff\n {"objects": []}')
    assert detect_format(path) is TrackFormat.EDINBURGH
    pq.write_table(BOXES_SCHEMA.empty_table(), path)
    assert detect_format(path) is TrackFormat.BOXES


def test_a_folder_is_known_by_what_it_holds(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="holds no tracks"):
        detect_format(tmp_path)
    pq.write_table(pa.table({"other": [1]}), tmp_path / "other.parquet")
    with pytest.raises(NotFoundError, match="holds no tracks"):
        detect_format(tmp_path)
    pq.write_table(BOXES_SCHEMA.empty_table(), tmp_path / "clip.boxes.parquet")
    assert detect_format(tmp_path) is TrackFormat.BOXES
    (tmp_path / "output.json").write_text('{"objects": []}')
    assert detect_format(tmp_path) is TrackFormat.EDINBURGH


def test_a_format_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "tracks"
    path.write_text("1,1,0,0,9,9\n")
    with pytest.raises(FileFormatError, match=r"is not Edinburgh output\.json"):
        read_tracks(path, TrackFormat.EDINBURGH)
    with pytest.raises(FileFormatError, match="is not a boxes file"):
        read_tracks(path, TrackFormat.BOXES)
    assert len(read_tracks(path, TrackFormat.MOTCHALLENGE)) == 1


@pytest.mark.parametrize("content", [b"", b" \n\n", b"\xef\xbb\xbf\n", b"\x00" * 64])
def test_an_empty_file_is_said_to_be_empty(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tracks.txt"
    path.write_bytes(content)
    for named in (None, *TrackFormat):
        with pytest.raises(FileFormatError, match="is empty"):
            read_tracks(path, named)


@pytest.mark.parametrize(
    "content", [b"frame,id,x\n", b"hello", b"\xff\xfe\x00", b"PK\x03\x04", b'["a"]', b"<xml/>", b"1,2,3"]
)
def test_what_is_none_of_the_formats_is_refused_with_what_is_known(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tracks"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match="is no track file; it starts") as caught:
        read_tracks(path)
    assert "MOTChallenge text, Edinburgh output.json" in caught.value.remedy


def test_a_path_that_is_no_readable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"there is no file .*absent"):
        read_tracks(tmp_path / "absent")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="pipe is not a file"):
        read_tracks(tmp_path / "pipe")
    with pytest.raises(InputError, match="is not a file"):
        read_tracks(tmp_path, TrackFormat.MOTCHALLENGE)


@given(
    content=st.binary(max_size=300),
    start=st.sampled_from((b"", b"PAR1", b"{", b"1,1,0,0,9,9\n", b'{"objects":')),
)
@settings(PATIENT, max_examples=100)
def test_whatever_a_file_holds_it_is_read_or_refused(
    content: bytes, start: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "tracks").write_bytes(start + content)
    outcome = read_or_refusal(folder / "tracks")
    shutil.rmtree(folder)
    assert isinstance(outcome, Tracks) or str(folder) in outcome.message


def test_every_reference_file_is_read_or_refused() -> None:
    if not SHARED.is_dir():
        pytest.skip("the reference data is not here")
    for path in (path for path in SHARED.rglob("*") if path.is_file()):
        outcome = read_or_refusal(path)
        if isinstance(outcome, Tracks):
            assert path.parent.name in ("edinburgh-format", "footage")
        else:
            assert path.name in outcome.message
