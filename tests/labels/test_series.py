"""Another system's readings: windows exact in UTC by a stated zone, each trouble with a file said once and clearly."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from herdbook.errors import ConfigurationError, FileFormatError, HerdbookError, NotFoundError
from herdbook.labels.series.importer import import_series
from herdbook.labels.series.mapping import SeriesMapping, load_series_mapping
from herdbook.labels.series.readings import Series, read_series
from herdbook.roster.importer import import_roster
from herdbook.roster.sheets import as_text, read_csv, read_xlsx
from herdbook.settings import Settings
from support.queries import SHARED_DATA, lake_rows

EXAMPLE = Path(__file__).parents[2] / "docs/examples/labels/collar-activity.yaml"
COLLAR = SHARED_DATA / "activity-sensor/February_4_2019.xlsx"
MAPPING: dict[str, Any] = {
    "source": "collar", "farm": "hill", "timezone": "America/New_York", "animal": {"column": "cow"},
    "time": {"column": "at"}, "hours": 2, "measures": {"activity": {"column": "value"}},
}  # fmt: skip


def series(tmp_path: Path, *lines: str, **changes: Any) -> Series:
    file = tmp_path / "collar.csv"
    file.write_text("\n".join(["cow,at,value", *lines, ""]), encoding="utf-8")
    return read_series(read_csv(file), SeriesMapping.model_validate(MAPPING | changes))


def windows(found: Series) -> list[str]:
    return [f"{r.occurred_from:%H:%M}-{r.occurred_by:%H:%M}" for r in found.readings]


def test_a_reading_speaks_of_the_window_that_the_mapping_says(tmp_path: Path) -> None:
    assert windows(series(tmp_path, "101,2019-01-28T02:00,25")) == ["05:00-07:00"]
    assert windows(series(tmp_path, "101,2019-01-28T02:00,25", stamp="start")) == ["07:00-09:00"]
    assert windows(series(tmp_path, "101,2019-01-28T02:00+00:00,25", stamp="start")) == ["02:00-04:00"]


def test_a_window_without_a_value_is_kept_as_not_seen(tmp_path: Path) -> None:
    [reading] = series(tmp_path, "101,2019-01-28T02:00,").readings
    assert reading.value is None


def test_an_hour_that_does_not_exist_is_said_once_for_all_rows(tmp_path: Path) -> None:
    found = series(tmp_path, "101,2019-03-10T02:00,1", "102,2019-03-10T02:00,2", "101,2019-03-10T04:00,3")
    assert windows(found) == ["06:00-08:00"]
    assert len(found.aside) == 2
    assert found.notes == (
        "2 rows: 2019-03-10 02:00:00 does not exist in America/New_York: the clocks were put forward",
    )


def test_an_hour_that_occurs_twice_is_told_by_the_order_of_its_rows(tmp_path: Path) -> None:
    both = series(tmp_path, "101,2019-11-03T01:00,1", "101,2019-11-03T01:00,2", hours=1)
    assert [(r.occurred_by, r.value) for r in both.readings] == [
        (datetime(2019, 11, 3, 5, tzinfo=UTC), 1.0),
        (datetime(2019, 11, 3, 6, tzinfo=UTC), 2.0),
    ]
    single = series(tmp_path, "101,2019-11-03T01:00,1", "102,2019-11-03T01:00,2", hours=1)
    assert single.readings == ()
    assert single.notes == (
        "2 rows: 2019-11-03 01:00:00 occurs twice in America/New_York, because the clocks were put back, but 1 rows "
        "of one animal claim it: which hour is meant is not known",
    )


def test_a_clock_that_is_never_changed_has_a_fixed_zone(tmp_path: Path) -> None:
    lines = ("101,2019-03-10T02:00,1", "101,2019-11-03T01:00,2")
    found = series(tmp_path, *lines, timezone="Etc/GMT+5")
    assert (len(found.readings), found.notes) == (2, ())


ASIDE = [
    (",2019-01-28T02:00,25", "cow: no animal is named"),
    ("101,,25", "at: is empty"),
    ("101,2019-01-28,25", "at: a day without a time of day"),
    ("101,noon,25", "at: 'noon' is not a date or time"),
    ("101,2019-01-28T02:00,many", "value: 'many' is not a number"),
    ("101,2019-01-28T02:00", "the row has 2 cells, the header 3"),
]


@pytest.mark.parametrize(("line", "reason"), ASIDE, ids=[reason for _, reason in ASIDE])
def test_a_row_that_makes_no_reading_is_set_aside_with_its_reason(tmp_path: Path, line: str, reason: str) -> None:
    [aside] = series(tmp_path, line).aside
    assert reason in aside.reason


def test_a_file_again_changes_nothing_and_a_corrected_reading_is_a_new_version(herd: Settings, tmp_path: Path) -> None:
    file, mapping = tmp_path / "collar.csv", SeriesMapping.model_validate(MAPPING)

    def run(*lines: str) -> tuple[int, int, int, int]:
        file.write_text("\n".join(["cow,at,value", *lines, ""]), encoding="utf-8")
        done = import_series(herd, file, "csv", mapping)
        return done.added, done.changed, done.unchanged, done.quarantined

    one, two = "101,2024-01-28T02:00,25", "101,2024-01-28T04:00,20"
    assert run(one, two, "999,2024-01-28T04:00,20", "102,2024-01-28T02:00,1", "102,2024-01-28T02:00,2") == (2, 0, 0, 3)
    assert run(one, two) == (0, 0, 2, 0)
    assert run(one, "101,2024-01-28T04:00,21") == (0, 1, 1, 0)
    found = lake_rows(herd, "SELECT animal_id, source, measure, value, unit FROM sensor_reading ORDER BY starts_at")
    assert found == [("A1", "collar", "activity", 25.0, "1"), ("A1", "collar", "activity", 21.0, "1")]
    assert lake_rows(herd, "SELECT count(*) FROM sensor.reading") == [(3,)]


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="the shared reference data is not here")
def test_a_collar_systems_week_loads_with_its_times_in_the_farms_zone(empty_lake: Settings, tmp_path: Path) -> None:
    given = read_xlsx(COLLAR)
    cows = sorted({as_text(row.cells["Cow Number"]) or "" for row in given.rows})
    tables = {
        "farms": ["farm_id,name,timezone", "collar-farm,C,America/New_York"],
        "animals": ["animal_id,farm_id,species", *(f"cow-{c},collar-farm,cattle" for c in cows)],
        "identifiers": [
            "animal_id,farm_id,scheme,identifier,valid_from",
            *(f"cow-{c},collar-farm,management,{c},2015-01-01" for c in cows),
        ],
    }
    (tmp_path / "roster").mkdir()
    for name, lines in tables.items():
        (tmp_path / "roster" / f"{name}.csv").write_text("\n".join(lines), encoding="utf-8")
    import_roster(empty_lake, tmp_path / "roster")
    done = import_series(empty_lake, COLLAR, "xlsx", EXAMPLE)
    values = [row.cells["Raw Activity Data"] for row in given.rows]
    assert (done.added, done.quarantined, done.without_value) == (7249, 0, values.count(None))
    stored = lake_rows(empty_lake, "SELECT value FROM sensor_reading")
    assert Counter(v for (v,) in stored) == Counter(values)
    first = "SELECT min(starts_at), max(ends_at), count(DISTINCT animal_id) FROM sensor_reading"
    assert lake_rows(empty_lake, first) == [
        (datetime(2019, 1, 28, 3, tzinfo=UTC), datetime(2019, 2, 4, 5, tzinfo=UTC), len(cows))
    ]
    by_day = dict(lake_rows(empty_lake, "SELECT (starts_at AT TIME ZONE 'America/New_York')::DATE, count(*) FROM sensor_reading WHERE animal_id = 'cow-2131' GROUP BY ALL"))  # noqa: E501  # fmt: skip
    assert by_day[date(2019, 1, 29)] == 12


def test_of_a_row_all_measures_become_readings_or_none(tmp_path: Path) -> None:
    measures = {"activity": {"column": "value"}, "rumination": {"column": "cow"}}
    found = series(tmp_path, "x1,2019-01-28T02:00,25", measures=measures)
    assert (found.readings, len(found.aside)) == ((), 1)


BROKEN: list[tuple[str, str, type[HerdbookError], str]] = [
    ("zero_byte_file.xls", "xlsx", FileFormatError, "zero_byte_file.xls is empty (0 bytes)"),
    ("text_malformed.xlsx", "xlsx", FileFormatError, "text_malformed.xlsx has no sheet 'Sheet'; it has Tabelle1"),
    ("February_4_2019.xlsx", "csv", FileFormatError, "is not text in the encoding 'utf-8-sig'"),
    ("February_4_2019.xlsx", "parquet", FileFormatError, "readings are not imported from 'parquet'"),
    ("LICENSE", "xlsx", FileFormatError, "LICENSE is not a readable .xlsx workbook"),
    ("LICENSE", "csv", FileFormatError, "LICENSE has no column 'Cow Number'"),
    ("nothing.xlsx", "xlsx", NotFoundError, "there is no file"),
]


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="the shared reference data is not here")
@pytest.mark.parametrize(("name", "form", "error", "message"), BROKEN)
def test_a_broken_file_gives_one_clear_message(name: str, form: str, error: type[HerdbookError], message: str) -> None:
    with pytest.raises(error) as refused:
        import_series(Settings(home=Path("unused")), SHARED_DATA / "activity-sensor" / name, form, EXAMPLE)
    assert message in refused.value.message
    assert "\n" not in refused.value.message


def test_a_mapping_is_strict(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text("source: collar\nfarm: hill\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"m.yaml is not a mapping of readings: timezone: Field required"):
        load_series_mapping(tmp_path / "m.yaml")
    with pytest.raises(NotFoundError, match="there is no mapping file"):
        load_series_mapping(tmp_path / "n.yaml")
