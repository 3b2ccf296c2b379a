"""What whoever holds the server may do to the repository on its disk, and what a device says to it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from tuf.api.metadata import Metadata

from herdbook.contracts.assignment import release_target
from herdbook.errors import (
    HerdbookError,
    MetadataExpiredError,
    MetadataReplayedError,
    TargetMismatchError,
    UntrustedMetadataError,
)
from herdbook.fleet.trust.keys import find_online
from herdbook.fleet.trust.store import read_state
from herdbook.fleet.trust.targets import place_of
from herdbook.ledger.columns import utc_now
from support.fault_world import NEW, World


@dataclass(frozen=True)
class Attack:
    """What is done to the server's copy of the repository, and the error with which a device refuses it."""

    tamper: Callable[[World, Path], object]
    refusal: type[HerdbookError]


def _student_of(world: World, repository: Path) -> Path:
    """The bytes of the new release's student."""
    state = read_state(world.settings)
    return place_of(repository, state.releases.signed.targets[release_target(NEW, "student.onnx")])


def flip_a_bit(world: World, repository: Path) -> None:
    path = _student_of(world, repository)
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def truncate(world: World, repository: Path) -> None:
    path = _student_of(world, repository)
    os.truncate(path, path.stat().st_size // 2)


def _sign_timestamp(world: World, repository: Path, key_of: str, change: Callable[[Metadata[Any]], object]) -> None:
    """The timestamp, changed and signed by a role's keys."""
    path = repository / "metadata" / "timestamp.json"
    found: Metadata[Any] = Metadata.from_file(str(path))
    change(found)
    found.signatures.clear()
    for signer in find_online(world.settings, key_of, read_state(world.settings).signed_by(key_of)):
        found.sign(signer, append=True)
    found.to_file(str(path))


def sign_with_another_key(world: World, repository: Path) -> None:
    _sign_timestamp(world, repository, "snapshot", lambda found: None)


def let_expire(world: World, repository: Path) -> None:
    def over(found: Metadata[Any]) -> None:
        found.signed.expires = (utc_now() - timedelta(days=1)).replace(microsecond=0)

    _sign_timestamp(world, repository, "timestamp", over)


def put_the_old_state_back(world: World, repository: Path) -> None:
    shutil.rmtree(repository)
    shutil.copytree(world.settings.home / "earlier", repository)


def mix_two_states(world: World, repository: Path) -> None:
    version = read_state(world.settings).snapshot.signed.version
    earlier = world.settings.home / "earlier" / "metadata"
    old = max(earlier.glob("*.snapshot.json"), key=lambda path: int(path.name.partition(".")[0]))
    shutil.copy(old, repository / "metadata" / f"{version}.snapshot.json")


ATTACKS = {
    "corrupted download": Attack(flip_a_bit, TargetMismatchError),
    "truncated download": Attack(truncate, TargetMismatchError),
    "wrong signature": Attack(sign_with_another_key, UntrustedMetadataError),
    "expired metadata": Attack(let_expire, MetadataExpiredError),
    "replayed old release": Attack(put_the_old_state_back, MetadataReplayedError),
    "mixed metadata": Attack(mix_two_states, UntrustedMetadataError),
}
