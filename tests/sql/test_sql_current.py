"""Views of what holds now, and macros of what was known then."""

from __future__ import annotations

from typing import Any

import pytest

from support.herd import LONG_AGO, Herd, at

LABEL = {
    "label_id": "x",
    "animal_id": "a1",
    "farm_id": "f1",
    "kind": "lameness_score",
    "value_number": 3.0,
    "scale": "locomotion-1-5",
    "occurred_after": at(-24),
    "occurred_by": at(0),
    "recorded_at": at(1),
    "received_at": at(2),
    "retracted": False,
    "source": "csv",
    "source_id": "7",
    "import_id": "i1",
}


def roster(herd: Herd, table: str, recorded: float, *, retracted: bool = False, **values: Any) -> None:
    herd.insert(f"roster.{table}", values | {"recorded_at": at(recorded), "retracted": retracted, "source": "test"})


def test_of_each_key_the_latest_version_holds(herd: Herd) -> None:
    for recorded, name in ((2, "new"), (1, "old")):
        roster(herd, "farm", recorded, farm_id="f1", name=name, timezone="UTC")
    roster(herd, "farm", 1, farm_id="f2", name="other", timezone="UTC")
    assert herd.query("SELECT farm_id, name FROM farm ORDER BY 1") == [("f1", "new"), ("f2", "other")]


def test_a_retracted_row_is_gone_until_it_is_recorded_again(herd: Herd) -> None:
    stay = {"animal_id": "a1", "pen_id": "p1", "valid_from": LONG_AGO, "valid_to": None}
    roster(herd, "pen_stay", 1, **stay)
    roster(herd, "pen_stay", 2, retracted=True, **stay)
    assert herd.query("FROM pen_stay") == []
    roster(herd, "pen_stay", 3, **stay)
    assert len(herd.query("FROM pen_stay")) == 1


@pytest.mark.parametrize("name", ["farm", "pen", "camera", "device", "animal", "animal_identifier", "pen_stay"])
def test_every_roster_view_hides_what_is_of_no_use_to_people(herd: Herd, name: str) -> None:
    table = {row[0] for row in herd.query(f"SELECT column_name FROM (DESCRIBE roster.{name})")}
    view = {row[0] for row in herd.query(f"SELECT column_name FROM (DESCRIBE {name})")}
    assert view == table - {"retracted"}


def test_labels_as_known_now_and_then(herd: Herd) -> None:
    herd.insert("label.label", LABEL)
    herd.insert("label.label", LABEL | {"value_number": 2.0, "received_at": at(10), "import_id": "i2"})
    herd.insert("label.label", LABEL | {"received_at": at(20), "retracted": True, "import_id": "i3"})
    known = "SELECT value_number FROM label_known_as_of(TIMESTAMPTZ '{}')"
    assert herd.query(known.format(at(1))) == [], "recorded on the farm, but not here yet"
    assert herd.query(known.format(at(2))) == [(3.0,)]
    assert herd.query(known.format(at(19))) == [(2.0,)]
    assert herd.query(known.format(at(20))) == []
    assert herd.query("FROM label_current") == []


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize("kind", ["DATE", "TIMESTAMP", "TIMESTAMPTZ", ""])
def test_a_date_counts_as_its_first_moment_in_utc_wherever_it_is_asked(herd: Herd, zone: str, kind: str) -> None:
    """The label reached us at 02:00 UTC."""
    herd.insert("label.label", LABEL)
    herd.load()
    herd.tracklet(1, 2)  # claimed 30 hours after midnight, that is at 06:00 of the next day
    herd.db.execute(f"SET TimeZone = '{zone}'")
    utc = "+00" if kind == "TIMESTAMPTZ" else ""
    for macro, before, after in (("label", "2026-03-02", "2026-03-03"), ("identity", "2026-03-03", "2026-03-04")):
        known = f"FROM {macro}_known_as_of({kind} '{{}} 00:00:00{utc}')"
        assert herd.query(known.format(before)) == []
        assert len(herd.query(known.format(after))) == 1


@pytest.mark.parametrize(("zone", "day"), [("America/New_York", "2026-03-01"), ("Asia/Tokyo", "2026-03-02")])
def test_the_day_of_a_label_is_the_farms(herd: Herd, zone: str, day: str) -> None:
    """Known by its day only, it became true in the day's last microsecond on the farm: in UTC that is another day."""
    roster(herd, "farm", 1, farm_id="f1", name="F", timezone=zone)
    end = herd.query(f"SELECT (TIMESTAMP '{day} 23:59:59.999999') AT TIME ZONE '{zone}'")[0][0]
    herd.insert("label.label", LABEL | {"occurred_by": end})
    herd.db.execute("SET TimeZone = 'Europe/London'")
    for source in ("label_current", "label_known_as_of('infinity')"):
        assert herd.query(f"SELECT occurred_day::VARCHAR FROM {source}") == [(day,)]


def test_identity_as_believed_then(herd: Herd) -> None:
    herd.load()
    t = herd.tracklet(1, 2, animal="a1")
    herd.claim(t, "a2", 0.5, recorded=40)
    believed = "SELECT animal_id, identified FROM identity_known_as_of(TIMESTAMPTZ '{}')"
    assert herd.query(believed.format(at(29))) == []
    assert herd.query(believed.format(at(39))) == [("a1", True)]
    assert herd.query(believed.format(at(40))) == [("a2", False)]
    assert herd.query("SELECT animal_id, identified FROM identity") == [("a2", False)]


def test_identity_as_believed_before_the_day_was_issued_again(herd: Herd) -> None:
    herd.load("old", loaded_at=at(29))
    herd.tracklet(1, 2, animal="a1", load="old")
    herd.load("new", revision=2, loaded_at=at(50))
    u = herd.tracklet(3, 4, animal=None, load="new")
    herd.claim(u, "a2", 0.9, load="new", recorded=51)
    believed = "SELECT load_id, animal_id FROM identity_known_as_of(TIMESTAMPTZ '{}')"
    assert herd.query(believed.format(at(49))) == [("old", "a1")]
    assert herd.query(believed.format(at(50))) == [], "loaded, not yet claimed"
    assert herd.query(believed.format(at(51))) == [("new", "a2")]


def test_of_a_day_the_highest_revision_then_the_latest_load_is_current(herd: Herd) -> None:
    herd.load("a", revision=2, loaded_at=at(1))
    herd.load("b", revision=1, loaded_at=at(9))
    herd.load("c", revision=2, loaded_at=at(2))
    herd.load("d", device="d2")
    assert herd.query("SELECT load_id FROM device_day ORDER BY 1") == [("c",), ("d",)]
    assert herd.query("SELECT DISTINCT load_id FROM coverage ORDER BY 1") == [("c",), ("d",)]


def test_ethograms_in_their_latest_version(herd: Herd) -> None:
    newer = {"ethogram_id": "pig-9", "species": "pig", "version": 2, "recorded_at": at(0)}
    herd.insert("record.ethogram", newer | {"behaviour": "rooting", "posture": "standing"})
    assert herd.query("SELECT behaviour FROM ethogram") == [("rooting",)]
