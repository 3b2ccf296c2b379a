"""Every DAG file is short, imports clean and fast, and is wired as the design says."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import support
from herdbook.demo.airflow import checkout
from support.airflow_home import AirflowHome

DAGS = {"nightly_ingest", "load_herd", "import_labels", "maintain", "retrain_student", "evaluate_promote"} | {
    "reprocess",
    "reread",
    "redeploy_fleet",
}
ASKED_ONCE = ("challenger", "verdict", "asked", "approve", "device_days")
"""Tasks of the learning DAGs that need no second try: they compute nothing that could fail for a while."""
FEW = (("load_herd", "load_days"), ("reprocess", "plan"))
"""Tasks that others wait for."""
DESCRIBE = str(Path(support.__file__).with_name("describe_dags.py"))
LINT = tomllib.loads((checkout() / "plugins" / "ruff.toml").read_text())["lint"]
HEAVY = LINT["flake8-tidy-imports"]["banned-module-level-imports"]


@pytest.fixture(scope="module")
def described(airflow: AirflowHome) -> dict[str, Any]:
    out = airflow.python(DESCRIBE, str(checkout() / "dags"), ",".join(HEAVY), env={"HERDBOOK_RETRIES": "4"})
    return json.loads(out.rstrip().splitlines()[-1])


def test_every_dag_imports_clean(described: dict[str, Any]) -> None:
    assert described["errors"] == {}
    assert set(described["dags"]) == DAGS


def test_no_dag_imports_heavy_libraries(described: dict[str, Any]) -> None:
    assert described["heavy"] == []


def test_dags_import_fast(described: dict[str, Any]) -> None:
    assert described["took"] < 5, "all files together; about 0.1 s on an idle machine"


def test_dag_files_are_wiring_only() -> None:
    for path in (checkout() / "dags").glob("*.py"):
        assert len(path.read_text().splitlines()) <= 150, path.name


def test_nights_follow_the_farms_clock(airflow: AirflowHome) -> None:
    code = (
        "import pendulum, json\n"
        "from herdbook_airflow.nights import nightly\n"
        "t = nightly()\n"
        "from airflow.serialization.encoders import coerce_to_core_timetable\n"
        "t = coerce_to_core_timetable(t)\n"
        "noons = [pendulum.datetime(2026, 3, day, 12) for day in (28, 29, 30)]\n"
        "ends = [t.infer_manual_data_interval(run_after=noon).end.isoformat() for noon in noons]\n"
        "print('\\n' + json.dumps(ends))\n"
    )
    env = {
        "PYTHONPATH": str(checkout() / "plugins"),
        "HERDBOOK_NIGHT_AT": "02:30",
        "HERDBOOK_NIGHT_TIMEZONE": "Europe/London",
    }
    ends = json.loads(airflow.python("-c", code, env=env).rstrip().splitlines()[-1])
    # The clocks go forward on 29 March 2026 at 01:00 UTC: 02:30 stays 02:30 on the farm.
    assert ends == ["2026-03-28T02:30:00+00:00", "2026-03-29T01:30:00+00:00", "2026-03-30T01:30:00+00:00"]


@pytest.mark.parametrize("dag_id", sorted(DAGS))
def test_every_task_retries_and_alerts(described: dict[str, Any], dag_id: str) -> None:
    dag = described["dags"][dag_id]
    assert dag["doc"]
    assert dag["max_active_runs"] == 1
    for task_id, task in dag["tasks"].items():
        assert task["alerts"], task_id
        announces = task["rule"] == "all_done" and task["type"] != "HerdbookOperator"
        announces |= task_id.rpartition(".")[2] in ASKED_ONCE
        others_wait = (dag_id, task_id) in FEW or dag_id in (
            "retrain_student",
            "evaluate_promote",
            "redeploy_fleet",
        )
        assert task["retries"] == (0 if announces else 2 if others_wait else 4), task_id
        assert task["backoff"] == 2.0, task_id


def test_what_opens_a_network_waits_for_a_worker_that_learns(described: dict[str, Any]) -> None:
    queues = {dag_id: {task["queue"] for task in dag["tasks"].values()} for dag_id, dag in described["dags"].items()}
    learning = {"retrain_student", "evaluate_promote", "reread", "reprocess"}
    assert {dag_id: found for dag_id, found in queues.items() if dag_id != "redeploy_fleet"} == {
        dag_id: {"learning"} if dag_id in learning else {"io"} for dag_id in DAGS - {"redeploy_fleet"}
    }
    rollout = described["dags"]["redeploy_fleet"]["tasks"]
    assert {name for name, task in rollout.items() if task["queue"] == "learning"} == {"release", "bridge"}


def test_a_night_ends_in_the_herd_lake(described: dict[str, Any]) -> None:
    dags = described["dags"]
    assert dags["nightly_ingest"]["tasks"]["herd_days"]["outlets"] == ["herd days"]
    assert dags["import_labels"]["tasks"]["farm_labels"]["outlets"] == ["farm labels"]
    assert dags["load_herd"]["waits_for"] == ["farm labels", "herd days"]
    assert dags["load_herd"]["tasks"]["publish"]["outlets"] == ["herd lake"]
    assert dags["load_herd"]["tasks"]["publish"]["after"] == ["load_days"]
    assert dags["load_herd"]["tasks"]["pools"]["after"] == ["load_days"]


def test_a_training_run_ends_in_a_champion_if_the_gates_and_a_person_agree(described: dict[str, Any]) -> None:
    dags = described["dags"]
    assert not dags["retrain_student"]["catchup"]
    assert dags["retrain_student"]["begins"] is None, "or it would make up for last Sunday when it is switched on"
    assert dags["retrain_student"]["tasks"]["challenger"]["outlets"] == ["challenger"]
    assert dags["evaluate_promote"]["waits_for"] == ["challenger"]
    for model, champion in (("compact", "champion"), ("sam3", "champion sam3")):
        tasks = {name: dags["evaluate_promote"]["tasks"][f"{model}.{name}"] for name in ("approve", "promote")}
        assert tasks["approve"]["type"] == "ApprovalOperator"
        assert tasks["promote"]["outlets"] == [champion]
        assert tasks["promote"]["after"] == [f"{model}.approve", f"{model}.asked"]


def test_a_champion_is_released_and_rolled_out(described: dict[str, Any]) -> None:
    dag = described["dags"]["redeploy_fleet"]
    assert dag["waits_for"] == ["champion"]
    assert dag["tasks"]["rollout"]["type"] == "RolloutOperator"
    assert dag["tasks"]["rollout"]["after"] == ["pools"]
    assert dag["tasks"]["pools"]["after"] == ["asked", "release"]
    assert (dag["tasks"]["bridge"]["after"], dag["tasks"]["bridge"]["rule"]) == (["rollout"], "all_success")


def test_devices_are_named_and_do_not_hold_each_other_up(described: dict[str, Any]) -> None:
    tasks = described["dags"]["nightly_ingest"]["tasks"]
    assert "device_id" in tasks["ingest_device"]["name"]
    assert tasks["herd_days"]["rule"] == "all_done"
    assert not described["dags"]["nightly_ingest"]["catchup"]


@pytest.mark.parametrize("folder", ["dags", "plugins"])
def test_the_linter_keeps_heavy_imports_out(folder: str) -> None:
    lint = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--output-format=concise",
        "--stdin-filename",
        f"{folder}/new.py",
        "-",
    ]
    code = '"""New."""\n\n' + "".join(f"import {module}\n" for module in HEAVY)
    done = subprocess.run(lint, input=code, cwd=checkout(), capture_output=True, text=True, check=False)
    assert done.stdout.count("TID253") == len(HEAVY)
