"""Files that real farms and studies made."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from herdbook.errors import FileFormatError
from herdbook.labels.importer import LabelFormat, import_labels, read_sheet
from herdbook.labels.mapping import load_mapping
from herdbook.roster.importer import import_roster
from herdbook.roster.sheets import as_text, read_csv, read_xlsx
from herdbook.settings import Settings
from support.queries import SHARED_DATA, lake_rows

EXAMPLES = Path(__file__).parents[2] / "docs/examples/labels"
GAIT = SHARED_DATA / "gait-scores/gait_scores.csv"
COLLAR = SHARED_DATA / "activity-sensor/February_4_2019.xlsx"

pytestmark = pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="the shared reference data is not here")


def enlist(settings: Settings, folder: Path, farm: str, timezone: str, tags: set[str]) -> None:
    """A roster with one cow per tag."""
    folder.mkdir()
    cows = sorted(tags)
    tables = {
        "farms": ["farm_id,name,timezone", f"{farm},{farm},{timezone}"],
        "animals": ["animal_id,farm_id,species", *(f"cow-{c},{farm},cattle" for c in cows)],
        "identifiers": [
            "animal_id,farm_id,scheme,identifier,valid_from",
            *(f"cow-{c},{farm},management,{c},2015-01-01" for c in cows),
        ],
    }
    for name, lines in tables.items():
        (folder / f"{name}.csv").write_text("\n".join(lines), encoding="utf-8")
    import_roster(settings, folder)


def test_450_gait_scores_arrive_with_their_assessors_and_rounds(empty_lake: Settings, tmp_path: Path) -> None:
    given = read_csv(GAIT)
    enlist(
        empty_lake,
        tmp_path / "r",
        "ubc-dairy",
        "America/Vancouver",
        {as_text(r.cells["Cow"]) or "" for r in given.rows},
    )
    done = import_labels(empty_lake, GAIT, "csv", EXAMPLES / "gait-scores.yaml")
    assert (done.added, done.quarantined) == (450, 0)
    again = import_labels(empty_lake, GAIT, "csv", EXAMPLES / "gait-scores.yaml")
    assert (again.unchanged, again.added) == (450, 0)
    stored = lake_rows(
        empty_lake,
        "SELECT animal_id, observer, strftime(occurred_by AT TIME ZONE 'America/Vancouver', '%-m/%-d/%y'), "
        "value_number FROM label.label WHERE kind = 'lameness_score' AND scale = 'locomotion-1-5'",
    )
    written = [
        (f"cow-{r.cells['Cow']}", r.cells["Worker_id"], r.cells["date"], float(str(r.cells["GS"]))) for r in given.rows
    ]
    assert Counter(stored) == Counter(written)


def test_a_collar_workbook_gives_each_breeding_date_once(empty_lake: Settings, tmp_path: Path) -> None:
    given = read_xlsx(COLLAR)
    assert len(given.rows) == 7249
    tags = {as_text(r.cells["Cow Number"]) or "" for r in given.rows}
    enlist(empty_lake, tmp_path / "r", "collar-farm", "America/New_York", tags)
    done = import_labels(empty_lake, COLLAR, "xlsx", EXAMPLES / "collar-breeding.yaml")
    bred = {(r.cells["Cow Number"], r.cells["Effective Breeding Date"]) for r in given.rows} - {
        (r.cells["Cow Number"], None) for r in given.rows
    }
    assert (done.added, done.quarantined) == (len(bred), 0)
    assert done.added + done.unchanged + done.skipped == 7249
    days = lake_rows(empty_lake, "SELECT DISTINCT (occurred_by AT TIME ZONE 'America/New_York')::DATE FROM label.label")
    assert {d for (d,) in days} == {when.date() for _, when in bred}  # type: ignore[union-attr]


def test_a_workbook_with_other_columns_is_refused_by_name() -> None:
    mapping = load_mapping(EXAMPLES / "collar-breeding.yaml")
    with pytest.raises(FileFormatError, match=r"text_malformed.xlsx has no sheet 'Sheet'; it has Tabelle1"):
        read_sheet(SHARED_DATA / "activity-sensor/text_malformed.xlsx", LabelFormat.XLSX, mapping)
    anywhere = mapping.model_copy(update={"file": mapping.file.model_copy(update={"sheet": None})})
    with pytest.raises(FileFormatError, match=r"has no column 'Cow Number', .* it has 'A', 'B', 'C'"):
        read_sheet(SHARED_DATA / "activity-sensor/text_malformed.xlsx", LabelFormat.XLSX, anywhere)


def test_an_empty_file_is_refused_as_empty() -> None:
    with pytest.raises(FileFormatError, match=r"zero_byte_file.xls is empty"):
        read_xlsx(SHARED_DATA / "activity-sensor/zero_byte_file.xls")
