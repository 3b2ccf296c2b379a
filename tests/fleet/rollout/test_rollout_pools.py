"""Pools reach devices with the release that they run: signed when they changed, by the digest, one assignment more."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from herdbook.contracts.pools import MAX_POOLS_BYTES, POOLS_NAME, Pools, Reference, parse_pools, quantised
from herdbook.errors import NotFoundError, ReleaseDataError
from herdbook.fleet.inventory import enrol
from herdbook.fleet.rollout import store
from herdbook.fleet.rollout.pools import Became, refresh_pools
from herdbook.fleet.rollout.signer import TrustSigner, pools_folder
from herdbook.fleet.trust import current_assignment
from herdbook.fleet.trust.store import read_state
from herdbook.ledger.columns import utc_now
from herdbook.ledger.migrate import upgrade
from herdbook.ledger.rollouts import MemberPhase
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings
from support.rollouts import member, rollout
from support.trust import Platform, Server, platform, release_server, signed_template

__all__ = ["Server", "platform", "release_server", "signed_template"]


@dataclass
class Herd:
    """Who is enrolled where; ``barn-1`` has a signed release, ``barn-2`` none yet."""

    animals: dict[str, list[str]] = field(default_factory=dict)
    too_large: set[str] = field(default_factory=set)

    def __call__(self, device_id: str) -> Pools:
        if device_id in self.too_large:
            raise ReleaseDataError(f"the pools of '{device_id}' have more than {MAX_POOLS_BYTES} bytes")
        if device_id not in self.animals:
            raise NotFoundError(f"nothing is known of cameras of '{device_id}'")
        looks = [
            Reference(name, "pen-1", "look-1", f"t-{name}", *quantised(np.eye(8)[n]))
            for n, name in enumerate(self.animals[device_id])
        ]
        return Pools(device_id, tuple(looks))


@pytest.fixture
def settings(platform: Platform) -> Settings:
    upgrade(platform.settings)
    for name in ("barn-1", "barn-2"):
        enrol(
            platform.settings,
            name,
            farm_id="farm-a",
            url="http://127.0.0.1:1",
            timezone="Europe/London",
            token=f"{name:x<40}",
        )
    return platform.settings


def became(settings: Settings, herd: Herd, *names: str) -> dict[str, str]:
    return {each.device: each.became for each in refresh_pools(settings, herd, names)}


def number(settings: Settings, device_id: str = "barn-1") -> int:
    assignment = current_assignment(settings, device_id)
    assert assignment is not None
    return assignment.number


def test_a_devices_next_update_takes_changed_pools_up(platform: Platform, settings: Settings, tmp_path: Path) -> None:
    herd = Herd({"barn-1": ["P0", "P1"], "barn-2": ["P7"]})
    installer = platform.device(tmp_path / "device")
    folder = installer.fetch(installer.look())
    assert became(settings, herd) == {"barn-1": Became.SIGNED, "barn-2": Became.WAITS}
    assert number(settings) == 2
    told = installer.look()
    assert (told.release_id, told.number) == ("compact-1", 2)
    assert installer.fetch(told) == folder, "the same release, in the same folder"
    carried = parse_pools((folder / POOLS_NAME).read_bytes(), "barn-1")
    assert [reference.animal_id for reference in carried.references] == ["P0", "P1"]

    assert became(settings, herd)["barn-1"] == Became.UNCHANGED
    assert number(settings) == 2
    herd.animals["barn-1"] = ["P0", "P1", "P2"]
    assert became(settings, herd, "barn-1") == {"barn-1": Became.SIGNED}
    assert len(parse_pools((installer.fetch(installer.look()) / POOLS_NAME).read_bytes(), "barn-1").references) == 3
    signed = [path for path in read_state(settings).all_assigned() if path.startswith("assignments/barn-1/")]
    (file,) = [file for file in installer.look().files if file.name == POOLS_NAME]
    assert signed == [file.path], "the former pools are no longer signed"
    assert file.path == f"assignments/barn-1/pools-{file.sha256[:12]}.parquet"


def test_a_device_gets_its_pools_with_its_first_release(platform: Platform, settings: Settings) -> None:
    assert became(settings, Herd({"barn-2": ["P7"]}), "barn-2") == {"barn-2": Became.WAITS}
    (fresh,) = TrustSigner(settings).pools("barn-2", None)
    assert fresh.name == POOLS_NAME
    assert became(settings, Herd({"barn-2": []}), "barn-2") == {"barn-2": Became.WAITS}
    (empty,) = TrustSigner(settings).pools("barn-2", None)
    assert empty != fresh, "who has left is no longer told of"


def test_who_nothing_is_known_of_is_reported_and_holds_nobody_up(settings: Settings) -> None:
    herd = Herd({"barn-1": ["P0"]})
    assert became(settings, herd) == {"barn-1": Became.SIGNED, "barn-2": Became.UNKNOWN}
    herd.too_large = {"barn-1"}
    herd.animals["barn-2"] = []
    assert became(settings, herd) == {"barn-1": Became.TOO_LARGE, "barn-2": Became.EMPTY}
    assert (number(settings), list(pools_folder(settings, "barn-2").glob("*"))) == (2, [])
    with pytest.raises(NotFoundError, match="barn-9"):
        refresh_pools(settings, herd, ["barn-9"])


@pytest.mark.parametrize("phase", [MemberPhase.TOLD, MemberPhase.LEAVING, MemberPhase.FAILED])
def test_who_does_not_run_what_it_is_assigned_is_left_alone(settings: Settings, phase: MemberPhase) -> None:
    state = rollout([member("barn-1")])
    members = {name: each.became(phase, told_at=utc_now(), signed=1) for name, each in state.members.items()}
    with ledger_session(settings) as session:
        store.add(session, "night", type(state)(**vars(state) | {"members": members}), by="x", said="", now=utc_now())
    assert became(settings, Herd({"barn-1": ["P0"]}), "barn-1") == {"barn-1": Became.WAITS}
    assert number(settings) == 1


def test_without_a_signed_repository_pools_are_kept_for_it(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    upgrade(settings)
    enrol(settings, "barn-1", farm_id="farm-a", url="http://127.0.0.1:1", timezone="Europe/London", token="x" * 40)
    assert became(settings, Herd({"barn-1": ["P0"]})) == {"barn-1": Became.WAITS}
    assert (pools_folder(settings, "barn-1") / POOLS_NAME).is_file()
