"""Agreement of observers from the lake: the published figures of real scores, and what is said where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from herdbook.errors import NotFoundError
from herdbook.labels.importer import import_labels
from herdbook.labels.kinds import SCALES
from herdbook.roster.importer import import_roster
from herdbook.roster.sheets import read_csv
from herdbook.settings import Settings
from herdbook.studies.agreement import AgreementRow, _between, _pairs, _within, agreement
from support.queries import SHARED_DATA

EXAMPLE = Path(__file__).parents[2] / "docs/examples/labels/gait-scores.yaml"
GAIT = SHARED_DATA / "gait-scores/gait_scores.csv"
SCALE = "locomotion-1-5"


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="the shared reference data is not here")
def test_450_gait_scores_give_the_published_agreement(empty_lake: Settings, tmp_path: Path) -> None:
    """ICC between five assessors 0.42 to 0.47 by round, within an assessor 0.49 to 0.73 (the data's own README)."""
    cows = sorted({str(row.cells["Cow"]) for row in read_csv(GAIT).rows})
    tables = {
        "farms": ["farm_id,name,timezone", "ubc-dairy,U,America/Vancouver"],
        "animals": ["animal_id,farm_id,species", *(f"cow-{c},ubc-dairy,cattle" for c in cows)],
        "identifiers": [
            "animal_id,farm_id,scheme,identifier,valid_from",
            *(f"cow-{c},ubc-dairy,management,{c},2015-01-01" for c in cows),
        ],
    }
    (tmp_path / "roster").mkdir()
    for name, lines in tables.items():
        (tmp_path / "roster" / f"{name}.csv").write_text("\n".join(lines), encoding="utf-8")
    import_roster(empty_lake, tmp_path / "roster")
    import_labels(empty_lake, GAIT, "csv", EXAMPLE)
    rows = agreement(empty_lake, "lameness_score", SCALE, SCALES[SCALE].values)
    between = {row.round: row for row in rows if row.what == "between"}
    assert [round(between[n].value or 0, 2) for n in (1, 2, 3)] == [0.47, 0.43, 0.42]
    within = {row.observers: round(row.value or 0, 2) for row in rows if row.what == "within"}
    assert within == {"AS": 0.68, "DW": 0.65, "HE": 0.73, "RD": 0.49, "Wali": 0.58}
    pairs = [row for row in rows if row.what == "pair"]
    assert len(pairs) == 10
    assert all(0.25 < (row.value or 0) < 0.8 for row in pairs)
    assert {(row.subjects, row.left_out, row.problem) for row in rows} == {(30, 0, None)}
    with pytest.raises(NotFoundError, match="no lameness_score on the scale mobility-0-3 has an observer"):
        agreement(empty_lake, "lameness_score", "mobility-0-3", SCALES["mobility-0-3"].values)


SCORES = {
    ("Ann", 1): {"a": 1.0, "b": 2.0, "c": 3.0, "d": 3.0},
    ("Ben", 1): {"a": 1.0, "b": 2.0, "c": 4.0},
    ("Cat", 1): {"z": 2.0},
    ("Ann", 2): {"a": 1.0, "b": 2.0, "c": 3.0},
}


def test_animals_that_only_some_scored_are_left_out_and_counted() -> None:
    pairs = {row.observers: row for row in _pairs(SCORES, SCALES[SCALE].values)}
    assert (pairs["Ann, Ben"].subjects, pairs["Ann, Ben"].left_out) == (3, 1)
    assert pairs["Ann, Ben"].value is not None


def test_where_nothing_can_be_told_the_row_says_why() -> None:
    [together] = _between({key: v for key, v in SCORES.items() if key[1] == 1})
    assert (together.observers, together.subjects, together.value) == ("Ann, Ben, Cat", 0, None)
    assert "agreement needs two animals" in (together.problem or "")
    lonely = next(row for row in _pairs(SCORES, SCALES[SCALE].values) if row.observers == "Ann, Cat")
    assert lonely.problem == "No animal was scored by both observers."


def test_an_observer_agrees_with_himself_over_the_rounds() -> None:
    assert list(_within(SCORES)) == [AgreementRow("within", "Ann", None, "ICC(2,1)", 3, 1, 1.0, 1.0, 1.0)]
