"""Alerts from a real agent into the lake: once, again when they change, and acknowledged only when they are there."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from ingest_cases import SPEC
from test_ingest_real_agent import enrolled, serving

from herdbook.cli import main
from herdbook.edge.alerts.book import AlertStore
from herdbook.edge.config import DeviceConfig, read_device_config
from herdbook.ingest.alerts import fetch_all, open_alerts
from herdbook.ingest.night import ingest_device
from herdbook.lake.attach import open_lake
from herdbook.lake.check import run_checks
from herdbook.lake.migrate import migrate
from herdbook.settings import Settings, get_settings
from support.agents import CONFIG
from support.alert_days import RULES, Evaluation, summarise, usual

FED = {"a1": usual(), "a2": usual()}
HUNGRY = {"a1": usual(()), "a2": usual()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A device that has raised one alert."""
    root = tmp_path / SPEC.device_id
    root.mkdir()
    (root / "device.yaml").write_text(CONFIG.format(device=SPEC.device_id))
    take(root, 0, FED)
    take(root, 1, HUNGRY)
    return root


@pytest.fixture
def config(root: Path) -> DeviceConfig:
    return read_device_config(root / "device.yaml")


def take(root: Path, day: int, animals: dict[str, list[object]]) -> None:
    Evaluation(root, SPEC.device_id, RULES).take(summarise(day, animals), issued=True)  # type: ignore[arg-type]


def versions(settings: Settings) -> int:
    with open_lake(settings, read_only=True) as lake:
        return int(lake.execute("SELECT count(*) FROM alert.alert").fetchone()[0])


def test_an_alert_is_in_the_lake_once_and_then_as_it_ended(root: Path, config: DeviceConfig, tmp_path: Path) -> None:
    with serving(root, config) as url:
        settings = enrolled(tmp_path / "home", url)
        migrate(settings)
        (told,) = fetch_all(settings)
        assert (told.alerts, told.error, told.problem) == (1, None, None)
        (alert,) = open_alerts(settings)
        assert (alert["animal_id"], alert["rule_id"], alert["farm_id"]) == ("a1", "off-feed", "demo-farm")
        assert (alert["measured"], alert["threshold"], alert["unit"]) == (29.75 * 3600, 12 * 3600, "s")
        assert AlertStore(root).acknowledged() == 1
        assert fetch_all(settings)[0].alerts == 0

        take(root, 2, FED)
        assert fetch_all(settings, [SPEC.device_id])[0].alerts == 1
        assert open_alerts(settings) == []
        assert [row["outcome"] for row in open_alerts(settings, everything=True)] == ["over"]
        assert versions(settings) == 2
        failed = [check.name for check in run_checks(settings, everything=True) if check.failed]
        assert [name for name in failed if "alert" in name] == []


def test_a_device_that_forgot_what_it_said_adds_nothing(root: Path, config: DeviceConfig, tmp_path: Path) -> None:
    with serving(root, config) as url:
        settings = enrolled(tmp_path / "home", url)
        migrate(settings)
        fetch_all(settings)
        (root / "alerts" / "acknowledged.json").unlink()
        assert fetch_all(settings)[0].alerts == 0
        assert versions(settings) == 1


def test_people_see_what_goes_on_and_which_device_could_not_be_asked(
    root: Path,
    config: DeviceConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def alerts(*arguments: str) -> tuple[int, str, str]:
        get_settings.cache_clear()
        monkeypatch.setattr(sys, "argv", ["herdbook", "fleet", "alerts", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), *capsys.readouterr()

    monkeypatch.setenv("HERDBOOK_HOME", str(tmp_path / "home"))
    with serving(root, config) as url:
        migrate(enrolled(tmp_path / "home", url))
        code, said, _ = alerts()
        assert (code, "off-feed" in said, "a1" in said) == (0, True, True)
    code, said, complaint = alerts("--json")
    assert (code, [row["animal_id"] for row in json.loads(said)]) == (21, ["a1"]), "what is known is told"
    assert "Traceback" not in complaint
    assert alerts("--stored")[0] == 0
    get_settings.cache_clear()


def test_a_night_brings_alerts_and_needs_no_lake_for_its_days(root: Path, config: DeviceConfig, tmp_path: Path) -> None:
    with serving(root, config) as url:
        settings = enrolled(tmp_path / "home", url)
        ingest_device(settings, SPEC.device_id, SPEC.day)
        assert AlertStore(root).acknowledged() == 0, "there was no lake to keep them in"
        migrate(settings)
        ingest_device(settings, SPEC.device_id, SPEC.day)
        assert len(open_alerts(settings)) == 1
        assert AlertStore(root).acknowledged() == 1


def test_a_device_that_is_off_keeps_its_alerts(root: Path, config: DeviceConfig, tmp_path: Path) -> None:
    with serving(root, config) as url:
        settings = enrolled(tmp_path / "home", url)
        migrate(settings)
    (told,) = fetch_all(settings)
    assert type(told.error).__name__ == "DeviceUnreachableError"
    assert open_alerts(settings) == []
