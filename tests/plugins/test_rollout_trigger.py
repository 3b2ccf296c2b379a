"""The trigger carries a rollout on in processes of its own, and holds nothing that a restart could lose."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from herdbook.fleet.rollout import overview
from herdbook.fleet.rollout.control import change
from herdbook.ledger.migrate import upgrade
from herdbook.settings import Settings, get_settings
from support.fleet_stub import write_interpreter
from support.rollout_world import World, world
from support.rollouts import NEW, policy

pytestmark = pytest.mark.slow


@pytest.fixture
def here(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    settings = Settings(home=home)
    upgrade(settings)
    stub = write_interpreter(tmp_path / "python", tmp_path / "devices")
    monkeypatch.setenv("HERDBOOK_PYTHON", str(stub))
    get_settings.cache_clear()
    with world(settings, tmp_path / "devices", 3) as devices:
        yield devices


def events(rollout: int, every_s: float = 0.1) -> tuple[list[Any], float]:
    """Run a trigger to its end, and how long the event loop was held up at most meanwhile."""
    from herdbook_airflow.rollouts import RolloutTrigger

    worst = 0.0

    async def watch() -> None:
        nonlocal worst
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.05)
            worst = max(worst, time.monotonic() - before - 0.05)

    async def run() -> list[Any]:
        watcher = asyncio.create_task(watch())
        try:
            return [event.payload async for event in RolloutTrigger(rollout, every_s).run()]
        finally:
            watcher.cancel()

    return asyncio.run(run()), worst


def test_a_trigger_goes_on_to_the_end(here: World) -> None:
    from herdbook_airflow.rollouts import RolloutTrigger

    number = here.begin()
    (said,), held = events(number)
    assert (said["phase"], said["settled"], said["devices"]) == ("done", True, {"proved": 3})
    assert overview.rollout(here.settings)["phase"] == "done"
    path, arguments = RolloutTrigger(number, 5.0).serialize()
    assert path == "herdbook_airflow.rollouts.RolloutTrigger"
    assert arguments == {"rollout": number, "every_s": 5.0}
    again, _ = events(number)
    assert again == [said], "a triggerer that starts anew comes to the same end"
    assert held < 10, "steps run beside the loop; on a busy machine the loop itself waits for its turn"


def test_an_aborted_rollout_ends_the_trigger_with_the_reason(here: World) -> None:
    number = here.begin()
    change(here.settings, number, "abort", by="anna", reason="storm")
    (said,), _ = events(number)
    assert (said["phase"], said["reason"]) == ("aborted", "aborted by anna: storm")


def test_the_operator_begins_once_however_often_it_is_tried(here: World, tmp_path: Path) -> None:
    from types import SimpleNamespace

    from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

    from herdbook_airflow.rollouts import RolloutOperator

    file = tmp_path / "policy.yaml"
    file.write_text(yaml.safe_dump(json.loads(policy().model_dump_json())))
    operator = RolloutOperator(task_id="rollout", release=NEW, options=[f"--policy={file}"])
    context = {"dag_run": SimpleNamespace(dag_id="redeploy_fleet", run_id="manual__1")}
    for _ in range(2):
        with pytest.raises(TaskDeferred) as deferred:
            operator.execute(context)
        assert deferred.value.trigger.rollout == 1
    assert len(overview.rollouts(here.settings)) == 1
    with pytest.raises(AirflowFailException, match="stopped: canaries"):
        operator.ended(context, {"rollout": 1, "phase": "stopped", "reason": "canaries: 1 of 1 failed"})
    operator.release = "compact-9"
    with pytest.raises(AirflowFailException, match="not in the signed repository"):
        operator.execute(context)
