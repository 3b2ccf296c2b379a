"""Finished files get their places, also across file systems."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from herdbook.ingest.files import link_durably, place


@pytest.fixture(params=["same disk", "another disk"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A finished file, beside its targets or on another file system."""
    if request.param == "same disk":
        folder = tmp_path / "parts"
        folder.mkdir()
        (folder / "part").write_bytes(b"footage")
        yield folder / "part"
        return
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system here")
    with tempfile.TemporaryDirectory(dir=memory) as other:
        (Path(other) / "part").write_bytes(b"footage")
        yield Path(other) / "part"


def test_a_file_goes_to_all_its_places_and_nothing_else_is_left(source: Path, tmp_path: Path) -> None:
    targets = [tmp_path / "a", tmp_path / "b", tmp_path / "c"]
    targets[1].write_bytes(b"an older one")
    place(source, targets)
    assert [target.read_bytes() for target in targets] == [b"footage"] * 3
    assert not source.exists()
    assert {path.name for path in tmp_path.iterdir()} - {"parts"} == {"a", "b", "c"}


def test_a_second_name_leaves_the_first(source: Path, tmp_path: Path) -> None:
    for _ in range(2):  # twice is the same
        link_durably(source, tmp_path / "a")
        assert source.read_bytes() == (tmp_path / "a").read_bytes() == b"footage"
    assert {path.name for path in tmp_path.iterdir()} - {"parts"} == {"a"}
