"""`redeploy_fleet` rolls a release out by its deferrable operator, and fails where a gate stops it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from herdbook.fleet.rollout import overview
from herdbook.settings import Settings
from support.airflow_home import AirflowHome
from support.fleet_stub import write_interpreter
from support.rollout_world import world
from support.rollouts import NEW, OLD, policy

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_a_signed_release_goes_through_the_fleet_and_a_bad_one_fails_the_run(
    airflow: AirflowHome, settings: Settings, tmp_path: Path
) -> None:
    rules = tmp_path / "policy.yaml"
    rules.write_text(yaml.safe_dump(json.loads(policy().model_dump_json())))
    env = {
        "HERDBOOK_PYTHON": str(write_interpreter(tmp_path / "python", tmp_path / "devices")),
        "HERDBOOK_ROLLOUT_STEP_S": "0.2",
        "HERDBOOK_ROLLOUT_POLICY": str(rules),
    }
    with world(settings, tmp_path / "devices", 3) as devices:
        run = airflow.test("redeploy_fleet", "2026-03-02T00:00:00+00:00", settings.home, {"release": NEW}, env)
        assert run.state == "success"
        assert [task.state for task in run.of("release")] == ["skipped"]
        assert {row["became"] for row in run.of("pools")[0].value["rows"]} == {"unknown"}
        assert run.of("rollout")[0].value == {"rollout": 1, "release": NEW, "phase": "done", "devices": {"proved": 3}}
        nothing = {"bridge_id": None, "from_release_id": OLD, "to_release_id": NEW, "clips": 0}
        assert run.of("bridge")[0].value == {"rows": [nothing]}, "neither release was made here"
        devices.faulty(d_00="lies")
        run = airflow.test("redeploy_fleet", "2026-03-03T00:00:00+00:00", settings.home, {"release": NEW}, env)
        assert run.state == "failed"
        assert overview.rollout(settings)["phase"] == "stopped"
        assert [task.state for task in run.of("bridge")] == ["upstream_failed"]
        assert "lying" in overview.rollout(settings)["reason"]
