"""Alerts where records come from: a day under way, an issued revision, and what is wrong with the rules."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("av", reason="the recorder needs the extra 'edge'")

from herdbook.contracts.alerts import AlertRules, Subject, default_rules
from herdbook.contracts.digest import sha256_of_bytes
from herdbook.contracts.pools import POOLS_NAME
from herdbook.contracts.records import CameraState, RecordKind
from herdbook.edge.activate.state import Active, Installed, write_active
from herdbook.edge.alerts.book import AlertStore
from herdbook.edge.alerts.recording import DayAlerts, evaluate_issued
from herdbook.edge.alerts.rulebook import rules_of
from herdbook.edge.alerts.summary import DaySummary, read_summary
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
    """A device whose device.yaml names no release."""
    (tmp_path / "device.yaml").write_text(CONFIG.format(device="barn-1"))
    return read_device_config(tmp_path / "device.yaml")


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """The release that it took up, with rules of its own."""
    return take_up(tmp_path, "compact-1", 1, RULES)


def take_up(root: Path, release_id: str, number: int, rules: dict[str, Any] | None = None) -> Path:
    """Make an installed release the active one; its folder."""
    folder = root / "releases" / f"{release_id}-{number:012x}"
    folder.mkdir(parents=True)
    document = release_document(release_id)
    if rules is not None:
        document["files"].append({"name": "alerts.json", "bytes": 1, "sha256": "0" * 64})
        document["alerts"] = "alerts.json"
        (folder / "alerts.json").write_text(json.dumps(rules))
    (folder / "release.json").write_text(json.dumps(document))
    told = {"folder": folder.name, "release_sha256": "0" * 64, "use": document["use"], "certificate": "none.json"}
    told |= {"assignment": number, "version": number, "backend": "onnxruntime", "precision": "fp32", "engines": []}
    write_active(root / "releases", Active(now=Installed.model_validate(told), since=at(0)))
    return folder


def kept(root: Path) -> DaySummary:
    """What is known of the first day."""
    summary = read_summary((root / "alerts" / "days" / f"{FIRST}.json").read_bytes())
    assert summary is not None
    return summary


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


@pytest.mark.usefixtures("release")
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
    assert (alert.rule_id, alert.release_id) == ("off-feed", "compact-1"), "of the release that was taken up"


def test_a_day_under_way_goes_on_by_the_rules_of_a_release_that_was_taken_up_meanwhile(
    config: DeviceConfig, tmp_path: Path
) -> None:
    alerts, camera = DayAlerts(config, tmp_path, FIRST), "barn-1-cam-1"
    morning = ("t1", 1.0, 1.5, "eating"), ("t2", 0.0, 7.0, "lying")
    alerts.clip(camera, seen(*morning), at(7))
    assert AlertStore(tmp_path).page().alerts == (), "by the rules that come with the software"
    assert kept(tmp_path).release_id == "motion-1"
    take_up(tmp_path, "compact-1", 1, RULES)
    alerts.clip(camera, seen(*morning, ("t3", 7.0, 8.0, "lying")), at(8))
    (alert,) = AlertStore(tmp_path).page().alerts
    assert (alert.rule_id, alert.tracklet_id) == ("off-feed", "t2"), "rows from before the switch count"
    take_up(tmp_path, "compact-2", 2, RULES)
    evening = seen(*morning, ("t3", 7.0, 8.0, "lying"), ("t4", 8.0, 9.0, "lying"))
    alerts.clip(camera, evening, at(9))
    assert kept(tmp_path).release_id == "compact-2"
    assert AlertStore(tmp_path).page().alerts == (alert,)
    (pen,) = (subject for subject in kept(tmp_path).subjects if subject.about is Subject.PEN)
    assert sum(lain.judged_s for lain in pen.lain.values()) == pytest.approx(9.5 * HOUR), "each row is taken once"


def test_pools_are_those_of_the_release_that_was_taken_up(config: DeviceConfig, release: Path, tmp_path: Path) -> None:
    (release / POOLS_NAME).write_bytes(b"no pools")
    DayAlerts(config, tmp_path, FIRST)
    assert "pools" in (AlertStore(tmp_path).page().problem or "")


@pytest.mark.usefixtures("release")
def test_an_issued_revision_is_evaluated_and_may_be_again(config: DeviceConfig, tmp_path: Path) -> None:
    write_device_day(tmp_path, SPEC)
    stored = DayStore(tmp_path).latest(SPEC.day)
    assert stored is not None
    for _ in range(2):
        evaluate_issued(config, tmp_path, stored.folder, stored.manifest)
    summary = read_summary((tmp_path / "alerts" / "days" / f"{SPEC.day}.json").read_bytes())
    assert summary is not None
    assert summary.rules_sha256 == sha256_of_bytes(AlertRules.model_validate(RULES).to_bytes())
    assert AlertStore(tmp_path).page().problem is None


def test_rules_that_cannot_be_read_are_told_and_stop_nothing(
    config: DeviceConfig, release: Path, tmp_path: Path
) -> None:
    (release / "alerts.json").write_text("{}")
    write_device_day(tmp_path, SPEC)
    stored = DayStore(tmp_path).latest(SPEC.day)
    assert stored is not None
    evaluate_issued(config, tmp_path, stored.folder, stored.manifest)
    DayAlerts(config, tmp_path, FIRST).clip("barn-1-cam-1", CameraDay(), at(1))
    assert "alert rules" in (AlertStore(tmp_path).page().problem or "")
    (release / "alerts.json").write_text(json.dumps(RULES))
    evaluate_issued(config, tmp_path, stored.folder, stored.manifest)
    assert AlertStore(tmp_path).page().problem is None, "mended"


def test_rules_come_with_the_release_or_with_the_software(config: DeviceConfig, release: Path) -> None:
    named = config.model_copy(update={"network": release})
    assert [rule.rule_id for rule in rules_of(named).rules] == ["off-feed"]
    assert rules_of(config).to_bytes() == default_rules("pig-9")
    calves: Any = config.release.model_copy(update={"ethogram_id": "calf-8"})
    with pytest.raises(ReleaseDataError, match="calf-8"):
        rules_of(named.model_copy(update={"release": calves}))
