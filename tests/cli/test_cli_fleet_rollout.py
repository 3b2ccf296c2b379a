"""A rollout by hand: what the commands say, and how they end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from herdbook.fleet.rollout import control, driver, pins
from herdbook.ledger.migrate import upgrade
from herdbook.settings import Settings, get_settings
from support.command_line import Herdbook, in_process
from support.rollout_world import World, world
from support.rollouts import NEW, OLD, policy


@pytest.fixture
def herdbook(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Herdbook:
    """``herdbook fleet …`` in this process: exit code, stdout, stderr."""

    return in_process(monkeypatch, capsys, "fleet")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    rules = tmp_path / "rules.yaml"
    rules.write_text(yaml.safe_dump(json.loads(policy().model_dump_json())))
    monkeypatch.setenv("HERDBOOK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HERDBOOK_ROLLOUT_POLICY", str(rules))
    monkeypatch.setenv("HERDBOOK_ROLLOUT_STEP_S", "0.1")
    get_settings.cache_clear()
    settings = Settings(home=tmp_path / "home")
    upgrade(settings)
    with world(settings, tmp_path / "devices", 3) as devices:
        for module in (control, driver, pins):
            monkeypatch.setattr(module, "TrustSigner", lambda _: devices.signer)
        yield devices
    get_settings.cache_clear()


def test_a_rollout_from_its_beginning_to_its_end(here: World, herdbook: Herdbook) -> None:
    code, out, _ = herdbook("rollout", NEW, "--json")
    row = json.loads(out)
    assert (code, row["rollout"], row["phase"], row["devices"]) == (0, 1, "running", {"pending": 2, "told": 1})
    assert herdbook("rollout", NEW)[0] == 75, "one at a time"
    assert json.loads(herdbook("pause", "--by", "anna", "--json")[1])["phase"] == "paused"
    assert herdbook("pause")[0] == 75
    assert herdbook("resume")[0] == 0
    code, _, err = herdbook("step", "--watch")
    assert code == 0
    assert "is done" in err
    code, out, _ = herdbook("rollouts", "1")
    assert "canaries" in out
    assert "anna" in out
    (row, *_) = json.loads(herdbook("status", "--ask", "--json")[1])
    assert (row["desired"], row["actual"], row["certificate"]) == (NEW, NEW, "proved")
    assert herdbook("rollback", "--reason", "sows look thin")[0] == 0
    assert "3 left" in herdbook("step")[2]


def test_a_stopped_rollout_ends_with_its_exit_code(here: World, herdbook: Herdbook) -> None:
    here.faulty(d_00="refuses")
    code, _, err = herdbook("rollout", NEW, "--watch")
    assert code == 74
    assert "canaries: 1 of 1 failed" in err
    assert "herdbook fleet rollouts" in err


def test_what_cannot_be_is_said_before_anything_is_begun(here: World, herdbook: Herdbook, tmp_path: Path) -> None:
    assert herdbook("rollout", "compact-9")[0] == 77
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("hours: {soak: never}")
    assert herdbook("rollout", NEW, "--policy", str(wrong))[0] == 76
    assert herdbook("abort")[0] != 0
    assert herdbook("rollouts", "--json")[1].strip() == "[]"
    assert herdbook("step")[0] == 0, "nothing to do is no error: every night asks"


def test_a_pin_is_told_and_loosened(here: World, herdbook: Herdbook) -> None:
    assert herdbook("pin", "d-01", OLD, "--by", "anna", "--reason", "trial")[0] == 0
    (row,) = [row for row in json.loads(herdbook("status", "--json")[1]) if row["device"] == "d-01"]
    assert (row["pinned"], row["desired"]) == (OLD, OLD)
    assert herdbook("unpin", "d-01")[0] == 0
    assert herdbook("unpin", "d-01")[0] != 0
