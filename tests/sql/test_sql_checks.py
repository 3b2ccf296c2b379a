"""Every check is silent on a sound herd and finds what it is there to find."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from herdbook.lake.check import Check, Severity, all_checks
from support.herd import LONG_AGO, Herd, at

CHECKS = {check.name: check for check in all_checks()}
VERSION = {"recorded_at": LONG_AGO, "retracted": False, "source": "test"}


def found(herd: Herd, check: Check) -> int:
    herd.db.execute("SET VARIABLE first_day = DATE '0001-01-01'")
    return len(herd.query(check.sql))


def sound(herd: Herd) -> str:
    """A herd in which everything is right, with at least a row in every table; the name of its tracklet."""
    herd.insert("roster.farm", {"farm_id": "f1", "name": "F", "timezone": "UTC"} | VERSION)
    herd.insert("roster.pen", *({"pen_id": p, "farm_id": "f1", "name": "P"} | VERSION for p in ("p1", "p2")))
    herd.insert("roster.device", {"device_id": "d1", "farm_id": "f1"} | VERSION)
    place = {"camera_id": "c1", "pen_id": "p1", "device_id": "d1", "valid_from": LONG_AGO}
    herd.insert("roster.camera", place | VERSION)
    for animal in ("a1", "a2"):
        herd.insert("roster.animal", {"animal_id": animal, "farm_id": "f1", "species": "pig"} | VERSION)
        tag = {"animal_id": animal, "farm_id": "f1", "scheme": "tag", "identifier": animal, "valid_from": LONG_AGO}
        herd.insert("roster.animal_identifier", tag | VERSION)
        herd.stay(animal)
    herd.load(coverage_rows=1, tracklet_rows=1, bout_rows=2, embedding_rows=1, activity_rows=1)
    calibration = {"load_id": "l1", "calibration_id": "k1", "camera_id": "c1", "valid_from": LONG_AGO}
    herd.insert("record.calibration", calibration | {"valid_to": None, "homography": [1.0] * 9})
    t = herd.tracklet(1, 3)
    herd.bout(t, 1, 2, "lying")
    herd.bout(t, 2, 3, "eating")
    herd.activity(t, 1, 3600, 10, calibration_id="k1")
    herd.insert("record.embedding", EMBEDDING | {"tracklet_id": t})
    herd.insert("label.label", LABEL)
    herd.insert("label.message", MESSAGE)
    herd.insert("label.sync", SYNC)
    herd.insert("sensor.reading", SENSOR)
    herd.insert("alert.alert", ALERT)
    skipped = {"operation_id": "o1", "recorded_at": at(31)}
    herd.insert("identity.operation", skipped | {"kind": "skip", "recorded_by": "x"})
    says = {"load_id": "l1", "tracklet_id": t, "says": "skipped", "confidence": 0, "method": "person/skip"}
    herd.insert("identity.decision", skipped | says | {"decision_id": "o1-0"})
    herd.insert("bridge.run", BRIDGE)
    herd.insert("bridge.behaviour", *BRIDGE_BEHAVIOURS)
    herd.insert("bridge.space", BRIDGE_SPACE)
    herd.insert("record.reading", READING)
    herd.db.execute("INSERT INTO record.tracklet SELECT * REPLACE ('r1' AS load_id) FROM record.tracklet")
    return t


EMBEDDING: dict[str, Any] = {
    "load_id": "l1",
    "at": at(1.5),
    "space_id": "s",
    "vector": [1, 2],
    "scale": 0.1,
    "quality": 1.0,
    "clip": None,
    "release_id": "m1",
}
READING: dict[str, Any] = {
    "load_id": "r1",
    "device_id": "d1",
    "farm_id": "f1",
    "day": at(0).date(),
    "timezone": "UTC",
    "starts_at": at(0),
    "ends_at": at(24),
    "release_id": "m1",
    "engine_sha256": "0" * 64,
    "of_load_id": "l1",
    "clips": [],
    "software_version": "1",
    "coverage_rows": 0,
    "tracklet_rows": 1,
    "bout_rows": 0,
    "embedding_rows": 0,
    "activity_rows": 0,
    "loaded_at": LONG_AGO,
}
ALERT: dict[str, Any] = {
    "alert_id": "d1:0123456789abcdef",
    "device_id": "d1",
    "farm_id": "f1",
    "rule_id": "off-feed",
    "kind": "not-at-feeder",
    "severity": "warning",
    "about": "animal",
    "animal_id": "a1",
    "confidence": 0.9,
    "pen_id": "p1",
    "release_id": "m1",
    "rules_sha256": "0" * 64,
    "began_at": at(1),
    "raised_at": at(2),
    "measured": 3600.0,
    "threshold": 3600.0,
    "unit": "s",
    "observed_s": 3600.0,
    "cameras": ["c1"],
    "clips": [],
    "change": 1,
    "received_at": at(3),
}
BRIDGE: dict[str, Any] = {
    "bridge_id": "b1",
    "from_release_id": "m1",
    "to_release_id": "m2",
    "from_sha256": "0" * 64,
    "to_sha256": "1" * 64,
    "clips": ["2" * 64],
    "seconds": 30.0,
    "software_version": "1",
    "made_at": LONG_AGO,
}
BRIDGE_BEHAVIOURS: list[dict[str, Any]] = [
    {"bridge_id": "b1", "behaviour": name, "difference": difference, "units": 1}
    for name, difference in (("lying", 0.25), ("eating", -0.25))
]
BRIDGE_SPACE: dict[str, Any] = {
    "bridge_id": "b1",
    "from_space_id": "s",
    "to_space_id": "t",
    "from_dimensions": 2,
    "to_dimensions": 2,
    "pairs": 9,
    "cosine": 0.9,
    "queries": 0,
    "map_sha256": "3" * 64,
}
LABEL: dict[str, Any] = {
    "label_id": "x",
    "animal_id": "a1",
    "farm_id": "f1",
    "kind": "weight",
    "value_number": 3.0,
    "occurred_after": at(-24),
    "occurred_by": at(0),
    "recorded_at": at(1),
    "received_at": at(2),
    "retracted": False,
    "source": "csv",
    "source_id": "7",
    "import_id": "i1",
}

MESSAGE: dict[str, Any] = {
    "message_id": "m",
    "farm_id": "f1",
    "source": "mro",
    "source_id": "mro:WeightEvent:7",
    "resource_type": "WeightEvent",
    "retracted": False,
    "body": "{}",
    "place": 1,
    "received_at": at(2),
    "import_id": "i1",
}
SYNC: dict[str, Any] = {
    "name": "mro",
    "url": "https://mro/changes",
    "token": "t",
    "import_id": "i1",
    "synced_at": at(2),
}
SENSOR: dict[str, Any] = {
    "reading_id": "y",
    "animal_id": "a1",
    "farm_id": "f1",
    "source": "collar",
    "measure": "activity",
    "starts_at": at(0),
    "ends_at": at(2),
    "value": 25.0,
    "unit": "1",
    "received_at": at(3),
    "import_id": "i2",
}

BREAK: dict[str, str | tuple[str, dict[str, Any]]] = {
    "alert/alert.one_version_at_a_time": "INSERT INTO alert.alert FROM alert.alert",
    "alert/alert.in_order": "UPDATE alert.alert SET raised_at = began_at - INTERVAL 1 HOUR",
    "alert/alert.about_something": "UPDATE alert.alert SET animal_id = NULL",
    "alert/alert.device_known": "DELETE FROM roster.device",
    "bridge/behaviour.differences_add_up": "UPDATE bridge.behaviour SET difference = 0.1",
    "bridge/run.one_row_per_bridge": "INSERT INTO bridge.run FROM bridge.run",
    "bridge/space.a_map_has_an_error": "UPDATE bridge.space SET cosine = NULL",
    "herd/animal_seen.in_a_known_pen": "DELETE FROM roster.pen_stay",
    "identity/claim.unique_id": "INSERT INTO identity.claim FROM identity.claim",
    "identity/claim.tracklet_known": "UPDATE identity.claim SET tracklet_id = 'nobody'",
    "identity/claim.animal_known": "DELETE FROM roster.animal WHERE animal_id = 'a1'",
    "identity/claim.confidence_range": "UPDATE identity.claim SET confidence = 1.5",
    "identity/decision.decision_id_unique": "INSERT INTO identity.decision FROM identity.decision",
    "identity/decision.operation_known": "DELETE FROM identity.operation",
    "identity/operation.operation_id_unique": "INSERT INTO identity.operation FROM identity.operation",
    "identity/operation.undone_once": "UPDATE identity.operation SET undoes = 'nothing'",
    "label/label.interval_in_order": "UPDATE label.label SET occurred_after = occurred_by",
    "label/label.animal_known": "UPDATE label.label SET animal_id = 'nobody'",
    "label/label.one_version_at_a_time": ("label.label", LABEL | {"value_number": 4.0}),
    "label/label.one_farm_per_label": ("label.label", LABEL | {"farm_id": "f2", "received_at": at(3)}),
    "label/label.recorded_before_received": "UPDATE label.label SET recorded_at = received_at + INTERVAL 1 DAY",
    "label/message.message_versions_in_turn": "INSERT INTO label.message FROM label.message",
    "record/activity.unique_key": "INSERT INTO record.activity FROM record.activity",
    "record/activity.tracklet_known": "UPDATE record.activity SET tracklet_id = 'nobody'",
    "record/activity.full_hours": "UPDATE record.activity SET hour = hour + INTERVAL 1 MINUTE",
    "record/activity.an_hour_at_most": "UPDATE record.activity SET observed_s = 3700",
    "record/activity.metres_have_a_calibration": "UPDATE record.activity SET calibration_id = NULL",
    "record/activity.plausible_speed": "UPDATE record.activity SET distance_m = 20000",
    "record/bout.no_overlap": "UPDATE record.bout SET ended_at = ended_at + INTERVAL 1 MINUTE",
    "record/bout.tracklet_known": "UPDATE record.bout SET tracklet_id = 'nobody'",
    "record/bout.within_its_tracklet": "UPDATE record.bout SET started_at = started_at - INTERVAL 2 HOUR",
    "record/bout.behaviour_known": "UPDATE record.bout SET behaviour = 'flying'",
    "record/bout.probability_range": "UPDATE record.bout SET probability = -0.1",
    "record/calibration.one_row_per_calibration": "INSERT INTO record.calibration FROM record.calibration",
    "record/calibration.no_overlap": "INSERT INTO record.calibration"
    " SELECT * REPLACE ('k2' AS calibration_id, now() AS valid_from) FROM record.calibration",
    "record/camera_setup.one_row_per_camera": "INSERT INTO record.camera_setup FROM record.camera_setup",
    "record/camera_setup.pen_on_roster": "UPDATE record.camera_setup SET pen_id = 'nowhere'",
    "record/camera_setup.same_pen_as_roster": "UPDATE record.camera_setup SET pen_id = 'p2'",
    "record/coverage.known_states": "UPDATE record.coverage SET state = 'sleepy'",
    "record/coverage.no_overlap": "INSERT INTO record.coverage FROM record.coverage",
    "record/coverage.within_the_day": "UPDATE record.coverage SET ended_at = ended_at + INTERVAL 1 SECOND",
    "record/coverage.camera_known": "UPDATE record.coverage SET camera_id = 'nobody'",
    "record/device_day.one_row_per_load": "INSERT INTO record.device_day FROM record.device_day",
    "record/device_day.a_local_day": "UPDATE record.device_day SET ends_at = ends_at + INTERVAL 1 DAY",
    "record/device_day.rows_as_promised": "UPDATE record.device_day SET bout_rows = 3",
    "record/embedding.unique_key": "INSERT INTO record.embedding FROM record.embedding",
    "record/embedding.tracklet_known": "UPDATE record.embedding SET tracklet_id = 'nobody'",
    "record/embedding.space_of_its_release": "UPDATE record.embedding SET vector = [1, 2, 3]",
    "record/embedding.usable_numbers": "UPDATE record.embedding SET scale = 0",
    "record/ethogram.one_row_per_behaviour": "INSERT INTO record.ethogram FROM record.ethogram",
    "record/model_release.one_row_per_release": "INSERT INTO record.model_release FROM record.model_release",
    "record/model_release.a_release_is_one_thing": "INSERT INTO record.model_release"
    " SELECT * REPLACE ('l0' AS load_id, 9 AS dimensions) FROM record.model_release",
    "record/model_release.ethogram_known": "UPDATE record.model_release SET ethogram_id = 'none'",
    "record/reading.one_row_per_load": "INSERT INTO record.reading FROM record.reading",
    "record/reading.rows_as_promised": "UPDATE record.reading SET bout_rows = 3",
    "record/reading.made_by_its_release": "UPDATE record.reading SET release_id = 'another'",
    "record/tracklet.unique_id": "INSERT INTO record.tracklet FROM record.tracklet",
    "record/tracklet.within_the_day": "UPDATE record.tracklet SET started_at = started_at - INTERVAL 2 HOUR",
    "record/tracklet.camera_known": "UPDATE record.tracklet SET camera_id = 'nobody'",
    "record/tracklet.release_known": "UPDATE record.tracklet SET release_id = 'nobody'",
    "record/tracklet.confidence_range": "UPDATE record.tracklet SET confidence = 2",
    "record/tracklet.seen_while_on": "UPDATE record.coverage SET state = 'off'",
    "roster/animal.farm_known": "DELETE FROM roster.farm",
    "roster/animal_identifier.animal_known": "DELETE FROM roster.animal",
    "roster/animal_identifier.one_animal_at_a_time": "UPDATE roster.animal_identifier SET identifier = 'same'",
    "roster/camera.pen_known": "DELETE FROM roster.pen",
    "roster/camera.one_place_at_a_time": "INSERT INTO roster.camera"
    " SELECT * REPLACE ('p2' AS pen_id, now() AS valid_from) FROM roster.camera",
    "roster/device.farm_known": "DELETE FROM roster.farm",
    "roster/pen.farm_known": "DELETE FROM roster.farm",
    "roster/pen_stay.animal_known": "DELETE FROM roster.animal",
    "roster/pen_stay.pen_known": "DELETE FROM roster.pen",
    "roster/pen_stay.one_pen_at_a_time": "INSERT INTO roster.pen_stay SELECT * REPLACE ('p2' AS pen_id) FROM pen_stay_",
    "sensor/reading.reading_in_order": "UPDATE sensor.reading SET ends_at = starts_at",
    "sensor/reading.reading_of_known_animal": "UPDATE sensor.reading SET animal_id = 'nobody'",
    "sensor/reading.one_reading_at_a_time": ("sensor.reading", SENSOR | {"reading_id": "z", "starts_at": at(1)}),
}
# Cannot be broken by rows: the view makes it so. The check guards the view.
BY_CONSTRUCTION = {"herd/animal_timeline.no_overlap"}
ELSEWHERE = {
    "herd/animal_seen.a_day_at_most",
    "herd/model_change.models_settle",  # tests/sql/test_sql_model_change.py
    "identity/claim.one_place_per_camera",
    "identity/enrolment.animal_known",
    "label/label.alive_when_seen",
    "meta/pin.snapshot_kept",  # needs a lake: tests/lake/test_lake_pins.py
}


def test_a_sound_herd_passes_every_check(herd: Herd) -> None:
    sound(herd)
    assert {name: n for name, c in CHECKS.items() if name != "meta/pin.snapshot_kept" and (n := found(herd, c))} == {}


def test_every_check_has_its_case() -> None:
    assert set(BREAK) | BY_CONSTRUCTION | ELSEWHERE == set(CHECKS)


@pytest.mark.parametrize("name", BREAK)
def test_what_is_wrong_is_found(herd: Herd, name: str) -> None:
    sound(herd)
    how = BREAK[name]
    if isinstance(how, str):
        stays = "(SELECT * FROM roster.pen_stay)"
        herd.db.execute(how.replace("pen_stay_", stays))
    else:
        herd.insert(how[0], how[1])
    assert found(herd, CHECKS[name]) > 0


def test_an_animal_identified_for_more_than_a_day(herd: Herd) -> None:
    sound(herd)
    herd.tracklet(0, 26)
    assert found(herd, CHECKS["herd/animal_seen.a_day_at_most"]) == 1


def test_two_tracklets_of_one_camera_at_once_are_two_animals(herd: Herd) -> None:
    sound(herd)
    check = CHECKS["identity/claim.one_place_per_camera"]
    herd.tracklet(3 - 0.5 / 3600, 3.5)
    assert found(herd, check) == 0, "the tracker handed it over"
    herd.tracklet(2.5, 4)
    assert (found(herd, check) > 0, check.severity) == (True, Severity.WARN)


def test_a_death_that_arrives_late_shows_the_labels_after_it(herd: Herd) -> None:
    sound(herd)
    check = CHECKS["label/label.alive_when_seen"]
    died = LABEL | {"label_id": "y", "kind": "death", "value_number": None, "received_at": at(50)}
    herd.insert("label.label", died | {"occurred_by": at(23.9), "occurred_after": None})
    assert found(herd, check) == 0, "weighed and died on one day"
    herd.insert("label.label", died | {"occurred_by": at(-2), "occurred_after": None, "received_at": at(60)})
    assert (found(herd, check), check.severity) == (1, Severity.WARN)


def test_an_enrolment_of_nobody(herd: Herd) -> None:
    t = sound(herd)
    row = {"enrolment_id": "e", "animal_id": "nobody", "tracklet_id": t, "space_id": "s", "at": at(1)}
    more = {"vector": [1], "scale": 1, "recorded_at": at(1), "recorded_by": "x", "retracted": False}
    herd.insert("identity.enrolment", row | more)
    assert found(herd, CHECKS["identity/enrolment.animal_known"]) == 1


def test_only_days_that_changed_are_looked_at(herd: Herd) -> None:
    sound(herd)
    herd.db.execute("UPDATE record.bout SET behaviour = 'flying'")
    herd.db.execute("SET VARIABLE first_day = ?", [at(0).date() + timedelta(1)])
    assert herd.query(CHECKS["record/bout.behaviour_known"].sql) == []
