"""The demo's question, on a herd small enough to work out by hand."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from herdbook.demo.answer import ask, question_path
from herdbook.errors import NotFoundError

HERD = """
CREATE TABLE farm AS SELECT 'f' AS farm_id, 'Europe/London' AS timezone;
CREATE TABLE label_current (
    farm_id VARCHAR, animal_id VARCHAR, kind VARCHAR, scale VARCHAR, value_number DOUBLE, occurred_by TIMESTAMPTZ
);
CREATE TABLE animal_day (
    farm_id VARCHAR, animal_id VARCHAR, pen_id VARCHAR, day DATE,
    behaviour_s DOUBLE, lying_s DOUBLE, distance_m DOUBLE, distance_observed_s DOUBLE
);
"""


def answer(labels: list[tuple[object, ...]], days: list[tuple[object, ...]]) -> dict[str, tuple[object, ...]]:
    with duckdb.connect() as herd:
        herd.execute("SET TimeZone = 'UTC'")
        herd.execute(HERD)
        for row in labels:
            herd.execute("INSERT INTO label_current VALUES ('f', ?, ?, ?, ?, ?)", row)
        for row in days:
            herd.execute("INSERT INTO animal_day VALUES ('f', ?, ?, ?, ?, ?, ?, ?)", row)
        return {row[0]: row[1:] for row in herd.execute(question_path().read_text()).fetchall()}


NOTICED = ("lame", "lameness_score", "locomotion-1-5", 3, "2026-03-04 17:00:00+00")


def test_rates_are_per_observed_hour_before_the_day_of_notice() -> None:
    rows = answer(
        [NOTICED],
        [
            ("lame", "p1", "2026-03-02", 1800, 900, 6, 900),
            ("lame", "p1", "2026-03-03", 1800, 1350, 3, 900),
            ("lame", "p1", "2026-03-04", 3600, 3600, 0, 3600),  # the day of notice itself does not count
            ("sound", "p1", "2026-03-02", 3600, 900, 40, 3600),
        ],
    )
    assert rows == {"lame": (1, 2, 1.0, 37.5, 18.0), "sound": (1, 1, 1.0, 15.0, 40.0)}


def test_time_not_seen_is_no_behaviour() -> None:
    rows = answer(
        [NOTICED],
        [
            ("lame", "p1", "2026-03-03", 600, 300, 1, 600),
            ("sound", "p1", "2026-03-03", None, None, None, None),
        ],
    )
    assert rows["sound"] == (0, 0, None, None, None)


def test_sound_animals_are_compared_on_the_same_days_in_the_same_pens() -> None:
    rows = answer(
        [NOTICED],
        [
            ("lame", "p1", "2026-03-03", 600, 300, 1, 600),
            ("elsewhere", "p2", "2026-03-03", 600, 600, 1, 600),
            ("later", "p1", "2026-03-05", 600, 600, 1, 600),
        ],
    )
    assert set(rows) == {"lame"}


@pytest.mark.parametrize(
    "label",
    [
        ("lame", "lameness_score", "locomotion-1-5", 2, "2026-03-04 17:00:00+00"),
        ("lame", "lameness_score", "mobility-0-3", 3, "2026-03-04 17:00:00+00"),
        ("lame", "weight", "locomotion-1-5", 3, "2026-03-04 17:00:00+00"),
    ],
)
def test_only_a_score_of_three_on_the_five_point_scale_is_lame(label: tuple[object, ...]) -> None:
    assert answer([label], [("lame", "p1", "2026-03-03", 600, 300, 1, 600)]) == {}


def test_the_day_of_notice_is_the_farms() -> None:
    late = ("lame", "lameness_score", "locomotion-1-5", 3, "2026-07-03 23:30:00+00")  # on 4 July in London
    rows = answer([late], [("lame", "p1", "2026-07-03", 600, 300, 1, 600)])
    assert rows["lame"][:2] == (1, 1)


def test_without_a_published_herd_there_is_nobody_to_ask(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        ask(tmp_path / "herd.duckdb")
