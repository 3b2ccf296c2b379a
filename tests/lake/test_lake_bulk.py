"""Parts of bulk records: whole or not at all, once, and never over what is there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from herdbook.contracts.bulk import MARKER, read_part
from herdbook.errors import InputError, LandedDayError, NotFoundError
from herdbook.lake.attach import open_lake
from herdbook.lake.bulk import PartState, load_part, load_parts
from herdbook.settings import Settings
from herdbook.simulate.herd.run import simulate_herd
from support.herds import small_herd


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Parts of a small herd, to be copied."""
    out = tmp_path_factory.mktemp("herd")
    simulate_herd(small_herd(days=4, devices=1, detail={"chunk_days": 2}), out)
    return out / "parts"


@pytest.fixture
def parts(made: Path, tmp_path: Path) -> Path:
    """Parts to be spoilt."""
    return Path(shutil.copytree(made, tmp_path / "parts"))


def rows(settings: Settings) -> dict[str, int]:
    """How many rows the lake's tables hold."""
    tables = ("record.bout", "record.tracklet", "record.device_day", "identity.claim", "roster.farm", "label.label")
    with open_lake(settings, read_only=True) as lake:
        return {t: (lake.execute(f"SELECT count(*) FROM {t}").fetchone() or (0,))[0] for t in tables}


def test_loading_twice_changes_nothing(settings: Settings, parts: Path) -> None:
    first = load_parts(settings, parts)
    held = rows(settings)
    assert [r.state for r in first] == [PartState.LOADED] * 3
    assert first[0].part == "farm"
    assert held["record.device_day"] == 4
    assert [r.state for r in load_parts(settings, parts)] == [PartState.ALREADY_CURRENT] * 3
    assert rows(settings) == held


def test_an_altered_file_is_refused_and_nothing_of_its_part_is_there(settings: Settings, parts: Path) -> None:
    last = sorted(parts.glob("herd-farm*"))[-1]
    with (last / "record.bout.parquet").open("r+b") as file:
        file.seek(100)
        file.write(b"\0\0\0\0")
    with pytest.raises(LandedDayError, match="altered"):
        load_parts(settings, parts)
    assert rows(settings)["record.device_day"] == 2
    (last / "record.bout.parquet").unlink()
    with pytest.raises(LandedDayError, match="cannot be read"):
        load_parts(settings, parts)


def test_rows_that_are_not_as_promised_roll_the_part_back(settings: Settings, parts: Path) -> None:
    folder = sorted(parts.glob("herd-farm*"))[0]
    marker = json.loads((folder / MARKER).read_text())
    next(f for f in marker["files"] if f["table"] == "identity.claim")["rows"] += 1
    (folder / MARKER).write_text(json.dumps(marker))
    with pytest.raises(LandedDayError, match="says"):
        load_part(settings, folder, read_part(folder))
    assert set(rows(settings).values()) == {0}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda m: m | {"format": "other/1"}, "format"),
        (lambda m: m | {"files": []}, "files"),
        (lambda m: m | {"files": m["files"] + m["files"][:1]}, "named twice"),
        (lambda m: m | {"files": [f for f in m["files"] if f["table"] != "record.device_day"]}, "either"),
        (lambda m: m | {"files": [m["files"][0] | {"table": "meta.version"}]}, "table"),
        (lambda m: m | {"files": [m["files"][0] | {"name": "../../etc/passwd"}]}, "name"),
    ],
)
def test_a_marker_that_is_not_one_is_refused(parts: Path, spoil: object, said: str) -> None:
    folder = sorted(parts.glob("herd-farm*"))[0]
    assert callable(spoil)
    (folder / MARKER).write_text(json.dumps(spoil(json.loads((folder / MARKER).read_text()))))
    with pytest.raises(LandedDayError, match=said):
        read_part(folder)


def test_another_herd_of_the_same_names_is_refused(settings: Settings, parts: Path, tmp_path: Path) -> None:
    load_parts(settings, parts)
    other = small_herd(days=4, devices=1, detail={"chunk_days": 2}, seed=5)
    simulate_herd(other, tmp_path / "other")
    held = rows(settings)
    with pytest.raises(InputError, match="from elsewhere"):
        load_parts(settings, tmp_path / "other")
    days = sorted((tmp_path / "other" / "parts").glob("herd-farm*"))[0]
    with pytest.raises(InputError, match="other loads"):
        load_part(settings, days, read_part(days))
    assert rows(settings) == held


def test_the_future_is_refused(settings: Settings, tmp_path: Path) -> None:
    simulate_herd(small_herd(days=2, devices=1, start_day="2099-01-01"), tmp_path)
    with pytest.raises(InputError, match="future"):
        load_parts(settings, tmp_path)


def test_a_folder_without_parts_is_named(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no part"):
        load_parts(settings, tmp_path)
