"""Farm records arrive once, keep their history, and what cannot be true is set aside with its reason."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from herdbook.errors import ConfigurationError, InputError
from herdbook.labels.importer import import_labels
from herdbook.labels.landing import ImportResult
from herdbook.labels.mapping import Mapping
from herdbook.settings import Settings
from support.queries import lake_rows
from support.weights import WEIGHTS

EXAMPLES = Path(__file__).parents[2] / "docs/examples/labels"
Weigh = Callable[..., ImportResult]


def reasons(result: ImportResult) -> list[tuple[str, str]]:
    """Row numbers and reasons of what was set aside."""
    assert result.quarantine is not None
    with result.quarantine.open(newline="", encoding="utf-8") as stream:
        return [(line["row"], line["reason"]) for line in csv.DictReader(stream)]


def counts(result: ImportResult) -> dict[str, int]:
    """What an import did, without the zeros."""
    return {name: n for name, n in vars(result).items() if isinstance(n, int) and n}


def test_a_herd_diary_of_many_kinds_arrives_with_scales_units_and_both_times(herd: Settings) -> None:
    done = import_labels(herd, EXAMPLES / "herd-diary.csv", "csv", EXAMPLES / "herd-diary.yaml")
    assert counts(done) == {"added": 8, "skipped": 2}, "the plan and the note are left out"
    labels = lake_rows(
        herd, "SELECT kind, value_number, value_text, scale, unit FROM label.label ORDER BY source_id::INT"
    )
    assert labels == [
        ("weight", 112.5, None, None, "kg"),
        ("lameness_score", 2.0, None, "mobility-0-3", None),
        ("diagnosis", None, "interdigital phlegmon", "local", None),
        ("treatment", None, "amoxicillin", None, None),
        ("condition_score", 3.25, None, "condition-1-5", None),
        ("insemination", None, "Boar 7", None, None),
        ("pregnancy_check", None, "pregnant", None, None),
        ("departure", None, "market", None, None),
    ]
    [lame] = lake_rows(herd, "SELECT occurred_after, occurred_by, recorded_at, observer, site FROM label.label "
                             "WHERE kind = 'lameness_score'")  # fmt: skip
    assert lame == (
        datetime(2024, 4, 30, 23, tzinfo=UTC),  # sound at some time on 1 May: it arose after that day began
        datetime(2024, 5, 4, 13, 30, tzinfo=UTC),
        datetime(2024, 5, 4, 17, 10, tzinfo=UTC),
        "Zoë",
        "LegsRearLeft",
    )


def test_a_day_without_a_time_is_true_by_the_end_of_that_day_on_the_farm(herd: Settings, weigh: Weigh) -> None:
    weigh("101,2024-05-03,80,1", "101,2024-01-03,70,2", "101,2024-05-03T08:00+00:00,81,3", "101,2024-05-03T08:00,82,4")
    found = lake_rows(herd, "SELECT occurred_by FROM label.label ORDER BY source_id")
    assert [row[0] for row in found] == [
        datetime(2024, 5, 3, 22, 59, 59, 999999, tzinfo=UTC),
        datetime(2024, 1, 3, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2024, 5, 3, 8, tzinfo=UTC),
        datetime(2024, 5, 3, 7, tzinfo=UTC),
    ]


def test_the_same_file_again_changes_nothing(herd: Settings, weigh: Weigh) -> None:
    lines = ("101,2024-05-03,80,1", "102,2024-05-03,90,2", "999,2024-05-03,90,3")
    first, again = weigh(*lines), weigh(*lines)
    assert counts(first) == {"added": 2, "quarantined": 1}
    assert counts(again) == {"unchanged": 2, "quarantined": 1}
    assert again.quarantine == first.quarantine
    assert lake_rows(herd, "SELECT count(*) FROM label.label") == [(2,)]


def test_a_fact_of_today_is_not_made_vaguer_tomorrow(herd: Settings, tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text("tag,date,kg,id\n101,2024-05-03,80,1\n", encoding="utf-8")
    mapping = Mapping.model_validate(WEIGHTS)
    noon, tomorrow = datetime(2024, 5, 3, 12, tzinfo=UTC), datetime(2024, 5, 4, 12, tzinfo=UTC)
    assert counts(import_labels(herd, tmp_path / "w.csv", "csv", mapping, now=noon)) == {"added": 1}
    assert counts(import_labels(herd, tmp_path / "w.csv", "csv", mapping, now=tomorrow)) == {"unchanged": 1}
    assert lake_rows(herd, "SELECT occurred_by, recorded_at FROM label.label") == [(noon, noon)]


def test_a_corrected_row_is_a_new_version_and_the_old_one_is_kept(herd: Settings, weigh: Weigh) -> None:
    weigh("101,2024-05-03,80,1")
    assert counts(weigh("101,2024-05-03,85,1")) == {"changed": 1}
    versions = lake_rows(herd, "SELECT label_id, value_number FROM label.label ORDER BY received_at")
    assert [v for _, v in versions] == [80, 85]
    assert len({i for i, _ in versions}) == 1
    assert counts(weigh("101,2024-05-03,80,1")) == {"changed": 1}, "and may be corrected back"


def test_without_a_source_id_a_row_is_named_by_all_but_its_value(herd: Settings, weigh: Weigh) -> None:
    weigh("101,2024-05-03,80,", source_id=[])
    assert counts(weigh("101,2024-05-03,85,", "101,2024-05-04,85,", source_id=[])) == {"changed": 1, "added": 1}
    assert lake_rows(herd, "SELECT count(DISTINCT label_id) FROM label.label") == [(2,)]


def test_rows_that_vanish_stay_unless_the_file_is_said_to_be_full(herd: Settings, weigh: Weigh) -> None:
    weigh("101,2024-05-03,80,1", "102,2024-05-03,80,2")
    assert counts(weigh("101,2024-05-03,80,1")) == {"unchanged": 1}
    assert counts(weigh("101,2024-05-03,80,1", full=True)) == {"unchanged": 1, "retracted": 1}
    assert counts(weigh("101,2024-05-03,80,1", full=True)) == {"unchanged": 1}
    assert counts(weigh("102,2024-05-03,80,2")) == {"changed": 1}, "what comes back holds again"


def test_a_full_file_spares_what_it_mentions_in_unusable_rows_and_never_retracts_everything(weigh: Weigh) -> None:
    weigh("101,2024-05-03,80,1", "102,2024-05-03,80,2")
    assert counts(weigh("101,2024-05-03,80,1", "102,2024-05-03,heavy,2", full=True)) == {
        "unchanged": 1,
        "quarantined": 1,
    }
    with pytest.raises(InputError, match="no row of it can be used"):
        weigh(full=True)


def test_a_typo_in_a_value_of_a_full_file_retracts_nothing(weigh: Weigh) -> None:
    """Without a source id the row is named by all but its value, whatever the value."""
    weigh("101,2024-05-03,80,", "102,2024-05-03,80,", source_id=[])
    again = weigh("101,2024-05-03,80,", "102,2024-05-03,8o,", source_id=[], full=True)
    assert counts(again) == {"unchanged": 1, "quarantined": 1}


@pytest.mark.parametrize("line", ["102,3 May,80,2", ",2024-05-03,80,2", "102,2024-05-03,80,2,x"])
def test_a_row_that_names_nothing_withholds_all_retractions_of_a_full_file(weigh: Weigh, line: str) -> None:
    """It may be any of those that the file seems to lack; once it is mended they go."""
    weigh("101,2024-05-03,80,", "102,2024-05-03,80,", "103,2024-05-03,80,", source_id=[])
    kept = weigh("101,2024-05-03,80,", line, source_id=[], full=True)
    assert counts(kept) == {"unchanged": 1, "quarantined": 1, "withheld": 2}
    mended = weigh("101,2024-05-03,80,", "102,2024-05-03,80,", source_id=[], full=True)
    assert counts(mended) == {"unchanged": 2, "retracted": 1}


def test_two_farms_with_one_source_keep_their_own_labels(herd: Settings, tmp_path: Path, weigh: Weigh) -> None:
    from herdbook.roster.importer import import_roster

    (tmp_path / "dale").mkdir()
    for name, text in {
        "farms": "farm_id,name,timezone\ndale,Dale Farm,Europe/London\n",
        "animals": "animal_id,farm_id,species\nD1,dale,pig\n",
        "identifiers": "animal_id,farm_id,scheme,identifier,valid_from\nD1,dale,management,101,2024-01-01\n",
    }.items():
        (tmp_path / "dale" / f"{name}.csv").write_text(text, encoding="utf-8")
    import_roster(herd, tmp_path / "dale")
    weigh("101,2024-05-03,80,1")
    assert counts(weigh("101,2024-05-03,95,1", farm="dale")) == {"added": 1}
    held = lake_rows(herd, "SELECT animal_id, value_number FROM label_current ORDER BY animal_id")
    assert held == [("A1", 80), ("D1", 95)]
    assert counts(weigh("101,2024-05-03,80,1", full=True)) == {"unchanged": 1}


def test_a_retracted_row_takes_its_label_back(herd: Settings, weigh: Weigh) -> None:
    flag = {"retracted": {"column": "kg", "values": ["0"]}}
    weigh("101,2024-05-03,80,1")
    assert counts(weigh("101,2024-05-03,0,1", "102,2024-05-03,0,2", **flag)) == {"retracted": 1, "skipped": 1}
    newest = "SELECT value_number, retracted FROM label.label ORDER BY received_at DESC LIMIT 1"
    assert lake_rows(herd, newest) == [(80.0, True)]


def test_a_reissued_tag_means_whoever_bore_it_then(herd: Settings, weigh: Weigh) -> None:
    done = weigh("104,2024-05-02,80,1", "104,2024-05-04,80,2", "104,2024-05-03T13:00,80,3", "104,2024-05-03,80,4")
    found = lake_rows(herd, "SELECT source_id, animal_id FROM label.label ORDER BY source_id")
    assert found == [("1", "A3"), ("2", "A4"), ("3", "A4")]
    assert reasons(done) == [("5", "ambiguous tag: A3, A4 bore management '104' on that day")]


SET_ASIDE = [
    ("999,2024-05-03,80,1", "unknown animal: no management '999' was ever issued"),
    ("101,2023-11-30,80,1", "unknown animal: nobody bore management '101' at 2023-11-30"),
    ("101,2999-01-01,80,1", "is in the future"),
    ("101,3 May,80,1", "date: '3 May' is not a date"),
    ("101,,80,1", "date: is empty"),
    (",2024-05-03,80,1", "tag: no animal is named"),
    ("101,2024-05-03,,1", "kg: a weight needs a value"),
    ("101,2024-05-03,heavy,1", "kg: 'heavy' is not a number"),
    ("101,2024-05-03,nan,1", "kg: 'nan' is not a number"),
    ("101,2024-05-03,-4,1", "kg: -4 is not a weight"),
    ("101,2024-05-03,80,", "id: the row has no source id"),
    ("101,2024-05-03,80,1,extra", "the row has 5 cells, the header 4"),
    ("101,2024-05-03", "the row has 2 cells, the header 4"),
    ("101,2024-03-31T01:30,80,1", "does not exist in Europe/London"),
    ("101,1899-12-30,80,1", "1899-12-30 is not a day of a farm"),
    (f"101,2024-05-03,{'9' * 5000},1", "kg: the cell holds 5000 characters"),
]  # fmt: skip


def test_rows_that_cannot_be_true_are_set_aside_each_with_its_reason_and_the_rest_arrives(weigh: Weigh) -> None:
    done = weigh(*(line for line, _ in SET_ASIDE), "102,2024-05-03,80,good")
    assert counts(done) == {"added": 1, "quarantined": len(SET_ASIDE)}
    for number, ((row, reason), (_, expected)) in enumerate(zip(reasons(done), SET_ASIDE, strict=True), start=2):
        assert row == str(number)
        assert expected in reason


def test_rows_that_contradict_each_other_are_all_set_aside(weigh: Weigh) -> None:
    done = weigh("101,2024-05-03,80,1", "101,2024-05-03,81,1", "102,2024-05-03,90,2", "102,2024-05-03,90,2")
    assert counts(done) == {"added": 1, "unchanged": 1, "quarantined": 2}
    assert reasons(done)[0][1].startswith("rows 2, 3 say different things of one fact")


def test_once_the_roster_knows_the_animal_the_same_file_leaves_nothing_aside(
    herd: Settings, tmp_path: Path, weigh: Weigh
) -> None:
    from herdbook.roster.importer import import_roster

    aside = weigh("201,2024-05-03,80,1").quarantine
    assert aside is not None
    (tmp_path / "identifiers.csv").write_text(
        "animal_id,farm_id,scheme,identifier,valid_from\nA2,hill,management,201,2024-01-01\n", encoding="utf-8"
    )
    import_roster(herd, tmp_path / "identifiers.csv")
    assert counts(weigh("201,2024-05-03,80,1")) == {"added": 1}
    assert not aside.exists()


def test_nothing_happens_before_birth_after_death_or_while_away(herd: Settings, tmp_path: Path) -> None:
    lines = [
        "id,tag,event,date,value",
        "1,101,died,2024-05-10,",
        "2,101,weighed,2024-05-10,80",
        "3,101,weighed,2024-05-11,80",
        "4,102,left,2024-05-10,",
        "5,102,weighed,2024-05-12,80",
        "6,102,came,2024-05-14,",
        "7,102,weighed,2024-05-14,80",
        "8,A1,weighed,2023-11-29,80",
    ]
    file = tmp_path / "diary.csv"
    file.write_text("\n".join(lines), encoding="utf-8")
    mapping = {
        "source": "diary", "farm": "hill", "timezone": "Europe/London", "animal": {"column": "tag"},
        "source_id": ["id"], "occurred_by": "date",
        "events": {"column": "event", "values": {
            "died": {"kind": "death"}, "left": {"kind": "departure"}, "came": {"kind": "arrival"},
            "weighed": {"kind": "weight", "value": {"column": "value"}}}},
    }  # fmt: skip
    done = import_labels(herd, file, "csv", Mapping.model_validate(mapping))
    assert reasons(done) == [
        ("4", "A1 had died by 2024-05-10"),
        ("6", "A2 had left the farm by 2024-05-10"),
        ("9", "unknown animal: no management 'A1' was ever issued on the farm"),
    ]
    own = Mapping.model_validate({**mapping, "source": "own", "animal": {"column": "tag", "scheme": "herdbook"}})
    later = import_labels(herd, file, "csv", own)
    assert reasons(later)[-1] == ("9", "A1 was born only on 2023-11-30")


def test_a_farm_that_the_roster_does_not_know_is_refused(weigh: Weigh) -> None:
    with pytest.raises(ConfigurationError, match="farm 'dale'"):
        weigh("101,2024-05-03,80,1", farm="dale")


def test_quarantine_and_export_hold_no_formula_that_a_spreadsheet_would_run(herd: Settings, weigh: Weigh) -> None:
    from herdbook.labels.export import export_labels

    text = {"event": {"kind": "diagnosis", "value": {"column": "kg"}}}
    done = weigh('=HYPERLINK("x"),2024-05-03,sick,1', "101,2024-05-03,@SUM(A1),2", "101,2024-05-03,-2.5,3", **text)
    assert done.quarantine is not None
    assert "'=HYPERLINK" in done.quarantine.read_text(encoding="utf-8")
    exported = list(csv.DictReader(export_labels(herd).splitlines()))
    assert sorted(line["value_text"] for line in exported) == ["'@SUM(A1)", "-2.5"]
    assert lake_rows(herd, "SELECT value_text FROM label.label WHERE source_id = '2'") == [("@SUM(A1)",)]


def test_the_past_can_be_exported_as_it_was_known_then(herd: Settings, weigh: Weigh) -> None:
    from herdbook.labels.export import export_labels
    from herdbook.labels.kinds import LabelKind

    weigh("101,2024-05-03,80,1")
    [(then,)] = lake_rows(herd, "SELECT max(received_at) FROM label.label")
    weigh("101,2024-05-03,85,1")
    values = [
        next(csv.DictReader(export_labels(herd, known_as_of=t).splitlines()))["value_number"] for t in (then, None)
    ]
    assert values == ["80", "85"]
    assert len(export_labels(herd, kind=LabelKind.DEATH).splitlines()) == 1
