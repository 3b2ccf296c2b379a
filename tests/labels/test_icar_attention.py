"""Devices' alerts leave as ICAR messages that are valid against the schemas."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from herdbook.labels.icar.attention import export_attention
from herdbook.lake import transaction
from herdbook.lake.rows import insert_rows
from herdbook.settings import Settings
from support.queries import SHARED_DATA

ALERT: dict[str, Any] = {
    "alert_id": "d1:01", "device_id": "d1", "farm_id": "hill", "rule_id": "off-feed", "kind": "not-at-feeder",
    "severity": "warning", "about": "animal", "animal_id": "A3", "confidence": 0.91, "tracklet_id": None,
    "pen_id": "p1", "release_id": "m1", "rules_sha256": "0" * 64, "outcome": None, "ended_at": None,
    "began_at": datetime(2024, 5, 1, tzinfo=UTC), "raised_at": datetime(2024, 5, 2, tzinfo=UTC),
    "measured": 90000.0, "threshold": 86400.0, "unit": "s", "observed_s": 86000.0, "cameras": ["c1"], "clips": [],
    "change": 1, "received_at": datetime(2024, 5, 2, 1, tzinfo=UTC),
}  # fmt: skip
ALERTS = [
    ALERT,
    ALERT | {"alert_id": "d1:02", "kind": "heat", "unit": "1", "measured": 0.9, "threshold": 0.5, "confidence": None},
    ALERT | {"alert_id": "d1:03", "raised_at": datetime(2024, 5, 4, tzinfo=UTC), "animal_id": "A4",
             "outcome": "withdrawn", "ended_at": datetime(2024, 5, 5, tzinfo=UTC)},
    ALERT | {"alert_id": "d1:04", "about": "pen", "animal_id": None},
]  # fmt: skip


@pytest.fixture
def alerted(herd: Settings) -> Settings:
    transaction.write(herd, lambda lake: insert_rows(lake, "alert.alert", ALERTS))
    return herd


def test_alerts_about_animals_become_messages_named_by_the_tag_borne_then(alerted: Settings) -> None:
    done = export_attention(alerted, scheme="management", icar_scheme="uk.tag")
    members = json.loads(done.text)["member"]
    assert [m["resourceType"] for m in members] == [
        "HealthStatusObservedEvent",
        "ReproHeatEvent",
        "HealthStatusObservedEvent",
    ]
    # 103 and 104 were both A3's then; 104 is A4's since 3 May
    assert members[2]["animal"] == {"scheme": "uk.tag", "id": "104"}
    assert members[0]["animal"]["id"] == "103"
    assert [m["meta"]["isDeleted"] for m in members] == [False, False, True]
    assert members[0]["observedStatus"] == "Suspicious"
    assert members[1]["certainty"] == "Suspect"
    assert "25.0 h, at least 24.0 h" in members[0]["remark"]
    assert members[0]["eventDateTime"] == "2024-05-02T00:00:00.000Z"
    assert done.left_out == {"about a pen: ICAR ADE 1.3 has no message for it": 1}


def test_only_some_can_be_asked_for_and_animals_without_such_a_tag_are_counted(alerted: Settings) -> None:
    assert export_attention(alerted, since=datetime(2024, 5, 3, tzinfo=UTC)).exported == 1
    assert export_attention(alerted, farm="dale").exported == 0
    assert export_attention(alerted, scheme="national").left_out["the animal bore no national then"] == 3


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="the shared reference data is not here")
def test_messages_are_valid_against_the_schemas(alerted: Settings) -> None:
    from support.icar import problems

    members = json.loads(export_attention(alerted).text)["member"]
    assert [problems(m["resourceType"], m) for m in members] == [[], [], []]
