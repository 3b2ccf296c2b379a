"""model_change: when devices changed their model, as their own rows say it."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from herdbook.lake.check import all_checks
from support.herd import DAY, Herd, at

SWITCHES = (
    "SELECT day, from_release_id, to_release_id, last_from_at, first_to_at, silent_s FROM model_change ORDER BY ALL"
)


def day_of(herd: Herd, number: int, release: str, *spans: tuple[float, float], device: str = "d1") -> str:
    """A device's day by one release; spans are tracklets, in hours."""
    day = DAY + timedelta(number)
    load = herd.load(f"{device}-{number}", device=device, day=day, on=(6, 18))
    for start, end in spans:
        herd.tracklet(start, end, load=load, day=day)
    made_by(herd, load, release)
    return load


def made_by(herd: Herd, load: str, release: str) -> None:
    herd.db.execute(
        "UPDATE record.model_release SET release_id = ?, space_id = ? WHERE load_id = ?", [release] * 2 + [load]
    )
    herd.db.execute("UPDATE record.tracklet SET release_id = ? WHERE load_id = ?", [release, load])


def two_in_a_day(herd: Herd, number: int, changes: list[tuple[str, float, float]]) -> None:
    day = DAY + timedelta(number)
    load = herd.load(f"d1-{number}", day=day)
    herd.db.execute("DELETE FROM record.model_release WHERE load_id = ?", [load])
    for release in dict.fromkeys(release for release, *_ in changes):
        row = {"engine": "motion", "space_id": release, "dimensions": 2, "ethogram_id": "pig-9"}
        herd.insert("record.model_release", {"load_id": load, "release_id": release} | row)
    for release, start, end in changes:
        name = herd.tracklet(start, end, load=load, day=day)
        herd.db.execute("UPDATE record.tracklet SET release_id = ? WHERE tracklet_id = ?", [release, name])


def test_a_device_that_never_changed_has_no_row(herd: Herd) -> None:
    for number in range(3):
        day_of(herd, number, "a", (8, 9))
    assert herd.query(SWITCHES) == []


def test_a_switch_lies_between_the_last_of_the_old_and_the_first_of_the_new(herd: Herd) -> None:
    day_of(herd, 0, "a", (7, 9), (8, 17))
    day_of(herd, 1, "b", (7, 9), (6.5, 7))
    day_of(herd, 2, "b", (7, 9))
    second = DAY + timedelta(1)
    assert herd.query(SWITCHES) == [(second, "a", "b", at(17), at(6.5, second), 13.5 * 3600)]
    row = herd.one("FROM model_change")
    assert (row["from_space_id"], row["to_space_id"], row["to_engine"]) == ("a", "b", "motion")


def test_silence_is_part_of_the_interval(herd: Herd) -> None:
    day_of(herd, 0, "a", (7, 9))
    day_of(herd, 10, "b", (7, 9))
    ((_, _, _, last, first, silent),) = herd.query(SWITCHES)
    assert (last, first, silent) == (at(9), at(7, DAY + timedelta(10)), (10 * 24 - 2) * 3600)


def test_a_switch_within_a_day_and_back_again_are_two(herd: Herd) -> None:
    two_in_a_day(herd, 0, [("a", 1, 5), ("a", 2, 4), ("b", 6, 8), ("b", 7, 9), ("a", 10, 12)])
    assert herd.query(SWITCHES) == [
        (DAY, "a", "b", at(5), at(6), 3600.0),
        (DAY, "b", "a", at(9), at(10), 3600.0),
    ]


def test_a_release_that_sees_nothing_is_a_switch_all_the_same(herd: Herd) -> None:
    day_of(herd, 0, "a", (7, 9))
    day_of(herd, 1, "blind")
    day_of(herd, 2, "a", (7, 9))
    one, two = DAY + timedelta(1), DAY + timedelta(2)
    assert herd.query(SWITCHES) == [
        (one, "a", "blind", at(9), at(6, one), 21 * 3600.0),
        (two, "blind", "a", at(18, one), at(7, two), 13 * 3600.0),
    ]


def test_devices_change_each_for_itself(herd: Herd) -> None:
    day_of(herd, 0, "a", (7, 9))
    day_of(herd, 0, "b", (7, 9), device="d2")
    day_of(herd, 1, "b", (7, 9))
    day_of(herd, 1, "b", (7, 9), device="d2")
    assert herd.query("SELECT device_id FROM model_change") == [("d1",)]


def test_only_the_current_load_of_a_day_speaks(herd: Herd) -> None:
    day_of(herd, 0, "a", (7, 9))
    day_of(herd, 1, "b", (7, 9))
    again = herd.load("d1-1-again", day=DAY + timedelta(1), revision=2)
    made_by(herd, again, "a")
    assert herd.query(SWITCHES) == []


def test_cameras_that_change_one_after_the_other_are_one_switch(herd: Herd) -> None:
    load = herd.load("d1-0", cameras={"c1": "p1", "c2": "p2"})
    herd.db.execute("DELETE FROM record.model_release")
    for release in "ab":
        row = {"engine": "motion", "space_id": release, "dimensions": 2, "ethogram_id": "pig-9"}
        herd.insert("record.model_release", {"load_id": load, "release_id": release} | row)
    spans = [
        ("c1", "a", 1, 5),
        ("c2", "a", 1, 5.1),
        ("c1", "b", 5, 6),
        ("c2", "a", 5.2, 5.3),
        ("c2", "b", 5.4, 6),
        ("c1", "b", 6, 7),
    ]
    for camera, release, start, end in spans:
        name = herd.tracklet(start, end, load=load, camera=camera)
        herd.db.execute("UPDATE record.tracklet SET release_id = ? WHERE tracklet_id = ?", [release, name])
    row = herd.one("FROM model_change")
    assert (row["from_release_id"], row["to_release_id"], row["cameras"]) == ("a", "b", ["c1", "c2"])
    assert (row["last_from_at"], row["first_to_at"], row["silent_s"]) == (at(5.3), at(5), 0)


@pytest.mark.parametrize("overlap", [0.5, 1.5])
def test_where_both_saw_animals_at_once_nothing_was_silent(herd: Herd, overlap: float) -> None:
    two_in_a_day(herd, 0, [("a", 1, 5 + overlap), ("b", 5, 9)])
    assert herd.query(SWITCHES) == [(DAY, "a", "b", at(5 + overlap), at(5), 0.0)]


# -- the epidemiologist's query ---------------------------------------------------------------------------------------

PAGE = Path(__file__).parents[2] / "docs" / "epidemiologist.md"
(QUERY,) = [
    q for q in re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL) if "model_change" in q
]


def lie(herd: Herd, number: int, release: str, lying_h: float) -> None:
    day = DAY + timedelta(number)
    load = herd.load(f"d1-{number}", day=day)
    name = herd.tracklet(1, 11, load=load, day=day)
    herd.bout(name, 1, 1 + lying_h, "lying", load=load, day=day)
    herd.bout(name, 1 + lying_h, 11, "standing", load=load, day=day)
    made_by(herd, load, release)
    herd.db.execute("UPDATE record.bout SET release_id = ? WHERE load_id = ?", [release, load])


def bridged(herd: Herd, name: str, difference: float, hours: float) -> None:
    run = {"bridge_id": name, "from_release_id": "a", "to_release_id": "b", "from_sha256": "0", "to_sha256": "1"}
    herd.insert("bridge.run", run | {"clips": ["x"], "seconds": 1, "software_version": "1", "made_at": at(hours)})
    row = {"behaviour": "lying", "from_share": 0.5, "to_share": 0.5 + difference, "difference": difference}
    interval = {"low": difference - 0.01, "high": difference + 0.01, "level": "camera", "units": 6}
    herd.insert("bridge.behaviour", {"bridge_id": name} | row | interval)


def test_the_query_takes_the_models_part_off_what_was_seen(herd: Herd) -> None:
    for number, hours in enumerate((5, 7, 8, 8)):
        lie(herd, number, "ab"[number // 2], hours)
    bridged(herd, "first", 0.3, 1)
    bridged(herd, "latest", 0.15, 2)
    row = herd.one(QUERY)
    assert (row["share_before"], row["share_after"]) == (pytest.approx(0.6), pytest.approx(0.8))
    assert row["change_seen"] == pytest.approx(0.2)
    assert (row["by_the_model"], row["level"]) == (0.15, "camera")
    assert row["left_over"] == pytest.approx(0.05)


def test_a_switch_that_nobody_measured_says_so(herd: Herd) -> None:
    lie(herd, 0, "a", 5)
    lie(herd, 1, "b", 6)
    row = herd.one(QUERY)
    assert (row["by_the_model"], row["left_over"]) == (None, None)


@pytest.mark.parametrize(("changes", "found"), [(4, 0), (5, 1)])
def test_a_device_that_does_not_settle_is_said(herd: Herd, changes: int, found: int) -> None:
    two_in_a_day(herd, 0, [("ab"[n % 2], 2 * n + 1, 2 * n + 2) for n in range(changes + 1)])
    assert len(herd.query(SWITCHES)) == changes
    check = next(check for check in all_checks() if check.name == "herd/model_change.models_settle")
    herd.db.execute("SET VARIABLE first_day = DATE '0001-01-01'")
    assert len(herd.query(check.sql)) == found
