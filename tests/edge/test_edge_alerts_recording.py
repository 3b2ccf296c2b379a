"""Alerts where records come from: a day under way, an issued revision, and what is wrong with the rules."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("av", reason="the recorder needs the extra 'edge'")

from herdbook.contracts.alerts import Subject, default_rules
from herdbook.contracts.records import CameraState, RecordKind
from herdbook.edge.alerts.book import AlertStore
from herdbook.edge.alerts.recording import DayAlerts, evaluate_issued
from herdbook.edge.alerts.rulebook import rules_of
from herdbook.edge.config import DeviceConfig, read_device_config
from herdbook.edge.coverage import Spell
from herdbook.edge.days import DayStore
from herdbook.edge.watch import CameraDay
from herdbook.errors import ReleaseDataError
from support.agents import CONFIG
from support.alert_days import FIRST, HOUR, midnight
from support.device_day import DaySpec, write_device_day
from support.releases import release_document

SPEC = DaySpec(device_id="barn-1")
RULES = {
    "ethogram_id": "pig-9",
    "rules": [{"kind": "not-at-feeder", "rule_id": "off-feed", "hours": 6, "longest_gap_minutes": 45}],
}


@pytest.fixture
def config(tmp_path: Path) -> DeviceConfig:
    """A device whose release brings rules of its own."""
    (tmp_path / "device.yaml").write_text(CONFIG.format(device="barn-1"))
    folder = tmp_path / "release"
    folder.mkdir()
    file = {"name": "alerts.json", "bytes": 1, "sha256": "0" * 64}
    document = release_document()
    document["files"].append(file)
    (folder / "release.json").write_text(json.dumps(document | {"alerts": "alerts.json"}))
    (folder / "alerts.json").write_text(json.dumps(RULES))
    return read_device_config(tmp_path / "device.yaml").model_copy(update={"network": folder})


def at(hour: float) -> datetime:
    return datetime.fromtimestamp(midnight(0) + hour * HOUR, UTC)


def seen(*bouts: tuple[str, float, float, str]) -> CameraDay:
    """A camera's day until now: tracklet, from, until (hours) and behaviour of each bout."""
    day = CameraDay(places=[])
    day.rows[RecordKind.TRACKLET] = [{"tracklet_id": tracklet} for tracklet, *_ in bouts]
    day.rows[RecordKind.BOUT] = [
        {
            "tracklet_id": tracklet,
            "started_at": at(since),
            "ended_at": at(until),
            "behaviour": behaviour,
            "zone_id": None,
            "clip": None,
            "release_id": "compact-1",
        }
        for tracklet, since, until, behaviour in bouts
    ]
    day.spells = [Spell(at(0), at(max(until for _, _, until, _ in bouts)), CameraState.ON)]
    return day


def test_a_day_under_way_raises_what_is_settled(config: DeviceConfig, tmp_path: Path) -> None:
    alerts, camera = DayAlerts(config, tmp_path, FIRST), "barn-1-cam-1"
    fed = ("t1", 1.0, 1.5, "eating")
    day = seen(fed, ("t1", 1.5, 2.0, "standing"))
    alerts.clip(camera, day, at(2))
    assert AlertStore(tmp_path).page().alerts == ()
    whole = seen(fed, ("t1", 1.5, 2.0, "standing"), ("t2", 0.0, 7.0, "lying"))
    alerts.clip(camera, whole, at(7))
    (alert,) = AlertStore(tmp_path).page().alerts
    assert (alert.about, alert.tracklet_id, alert.ended_at) == (Subject.TRACKLET, "t2", None)
    assert alert.raised_at == at(6)
    alerts.clip(camera, whole, at(7))
    assert AlertStore(tmp_path).page().alerts == (alert,), "rows are taken once"


def test_an_issued_revision_is_evaluated_and_may_be_again(config: DeviceConfig, tmp_path: Path) -> None:
    write_device_day(tmp_path, SPEC)
    stored = DayStore(tmp_path).latest(SPEC.day)
    assert stored is not None
    for _ in range(2):
        evaluate_issued(config, tmp_path, stored.folder, stored.manifest)
    kept = {path.relative_to(tmp_path).as_posix() for path in (tmp_path / "alerts").rglob("*.json")}
    assert f"alerts/days/{SPEC.day}.json" in kept
    assert AlertStore(tmp_path).page().problem is None


def test_rules_that_cannot_be_read_are_told_and_stop_nothing(config: DeviceConfig, tmp_path: Path) -> None:
    assert config.network is not None
    (config.network / "alerts.json").write_text("{}")
    write_device_day(tmp_path, SPEC)
    stored = DayStore(tmp_path).latest(SPEC.day)
    assert stored is not None
    evaluate_issued(config, tmp_path, stored.folder, stored.manifest)
    DayAlerts(config, tmp_path, FIRST).clip("barn-1-cam-1", CameraDay(), at(1))
    assert "alert rules" in (AlertStore(tmp_path).page().problem or "")
    (config.network / "alerts.json").write_text(json.dumps(RULES))
    evaluate_issued(config, tmp_path, stored.folder, stored.manifest)
    assert AlertStore(tmp_path).page().problem is None, "mended"


def test_rules_come_with_the_release_or_with_the_software(config: DeviceConfig) -> None:
    assert [rule.rule_id for rule in rules_of(config).rules] == ["off-feed"]
    plain = config.model_copy(update={"network": None})
    assert rules_of(plain).to_bytes() == default_rules("pig-9")
    calves: Any = config.release.model_copy(update={"ethogram_id": "calf-8"})
    with pytest.raises(ReleaseDataError, match="calf-8"):
        rules_of(config.model_copy(update={"release": calves}))
