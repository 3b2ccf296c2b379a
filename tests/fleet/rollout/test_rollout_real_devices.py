"""The whole way with nothing simulated: signed repository, real agents that install, prove and switch, the driver."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from herdbook.contracts.pools import POOLS_NAME, Pools, Reference, quantised
from herdbook.contracts.release import FIRST_RELEASE
from herdbook.edge.activate import read_active
from herdbook.edge.init import TOKEN_NAME
from herdbook.edge.install import provision
from herdbook.edge.tokens import new_token_file
from herdbook.fleet.inventory import enrol
from herdbook.fleet.rollout import overview
from herdbook.fleet.rollout.control import begin, change
from herdbook.fleet.rollout.driver import Driver, Progress, counts
from herdbook.fleet.rollout.pools import refresh_pools
from herdbook.fleet.trust import publish_release
from herdbook.ledger.migrate import upgrade
from herdbook.ledger.rollouts import RolloutPhase
from herdbook.processes.background import Background
from support.agents import CONFIG
from support.made_release import make_release
from support.plain_release import write_plain_release
from support.rollouts import policy
from support.trust import Platform, Server, platform, release_server, signed_template

__all__ = ["Server", "platform", "release_server", "signed_template"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
DEVICES = ("barn-a-1", "barn-a-2")
PATIENCE_S = 600.0
PIG = Reference("P0", "pen-1", "look-1", "t-0", *quantised(np.eye(8)[0]))


@pytest.fixture
def fleet(platform: Platform, tmp_path: Path) -> Iterator[Platform]:
    """Two devices, each with its agent and updater, that know the platform's root of trust."""
    settings = platform.settings
    upgrade(settings)
    with ExitStack() as stack:
        agents = {}
        for device_id in DEVICES:
            root = tmp_path / device_id
            root.mkdir()
            updates = f"updates: {{url: '{platform.url}', reserve_mib: 0}}\nsku: cpu\n"
            (root / "device.yaml").write_text(CONFIG.format(device=device_id) + updates)
            new_token_file(root / TOKEN_NAME)
            provision(root, platform.root_document())
            command = [sys.executable, "-m", "herdbook", "edge", "serve", "--root", root, "--port", "0", "--update"]
            agents[device_id] = stack.enter_context(Background(device_id, command, root / "agent.log", os.environ))
        for device_id, agent in agents.items():
            url = agent.wait_for(r"http://\S+", timeout_s=PATIENCE_S)
            token = (tmp_path / device_id / TOKEN_NAME).read_text()
            enrol(settings, device_id, farm_id="farm-a", url=url, timezone="Europe/London", token=token)
        yield platform


def publish(fleet: Platform, tmp_path: Path, release_id: str, shade: float, *, spoil: float = 0.0) -> None:
    source = write_plain_release(tmp_path / f"source-{release_id}", shade=shade)
    publish_release(fleet.settings, make_release(tmp_path / "made", source, release_id, spoil=spoil))


def roll_out(fleet: Platform, release_id: str) -> Progress:
    """Steps until nothing is left to be done."""
    return carry_on(fleet, begin(fleet.settings, release_id, policy(), by="test"))


def carry_on(fleet: Platform, number: int) -> Progress:
    driver = Driver(fleet.settings, timeout_s=30)
    deadline = time.monotonic() + PATIENCE_S
    while not (progress := driver.step(number)).settled:
        assert time.monotonic() < deadline, progress
        time.sleep(0.5)
    return progress


def test_real_devices_take_a_release_up_and_refuse_one_that_is_not_what_it_says(
    fleet: Platform, tmp_path: Path
) -> None:
    publish(fleet, tmp_path, "compact-7", 1.0)
    progress = roll_out(fleet, "compact-7")
    assert (progress.state.phase, counts(progress.state.members)) == (RolloutPhase.DONE, {"proved": 2})
    rows = overview.fleet(fleet.settings)
    assert {(row.desired, row.actual, row.certificate) for row in rows} == {("compact-7", "compact-7", "proved")}

    publish(fleet, tmp_path, "compact-8", 2.0, spoil=1.0)
    progress = roll_out(fleet, "compact-8")
    assert progress.state.phase is RolloutPhase.STOPPED
    assert counts(progress.state.members) == {"left": 1, "pending": 1}
    overview.ask_all(fleet.settings)
    rows = overview.fleet(fleet.settings)
    assert {(row.actual, row.serving) for row in rows} == {("compact-7", True)}
    assert "parity" in str(progress.state.members["barn-a-1"].reason)


def test_real_devices_take_pools_up_and_go_back_to_the_engine_of_device_yaml(fleet: Platform, tmp_path: Path) -> None:
    publish(fleet, tmp_path, "compact-7", 1.0)
    roll_out(fleet, "compact-7")
    assert {row.actual for row in overview.fleet(fleet.settings)} == {"compact-7"}

    assert {each.became for each in refresh_pools(fleet.settings, lambda name: Pools(name, (PIG,)))} == {"signed"}
    deadline = time.monotonic() + PATIENCE_S
    carried: list[Path] = []
    said: set[tuple[str | None, str]] = set()
    while len(carried) < 2 or said != {("compact-7", "proved")}:
        assert time.monotonic() < deadline, said
        time.sleep(0.5)
        carried = list(tmp_path.glob(f"barn-a-*/releases/compact-7-*/{POOLS_NAME}"))
        overview.ask_all(fleet.settings)
        said = {(row.actual, row.certificate) for row in overview.fleet(fleet.settings)}

    change(fleet.settings, 1, "rollback", by="test", reason="sows look thin")
    progress = carry_on(fleet, 1)
    assert counts(progress.state.members) == {"left": 2}
    rows = overview.fleet(fleet.settings)
    assert {(row.desired, row.actual, row.serving) for row in rows} == {(FIRST_RELEASE, FIRST_RELEASE, True)}
    for device_id in DEVICES:
        active = read_active(tmp_path / device_id / "releases")
        assert active is not None
        assert active.now is None

    progress = roll_out(fleet, "compact-7")
    assert counts(progress.state.members) == {"proved": 2}, "who went back can be told anew"
