"""Every night: give a sign of life before signatures expire, and remove what no release and no device needs."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from herdbook.contracts.durable import write_durably
from herdbook.errors import MetadataExpiredError
from herdbook.fleet.repository import is_signed
from herdbook.fleet.trust.assign import read_assignment
from herdbook.fleet.trust.commit import commit
from herdbook.fleet.trust.publish import PUBLISHED_AT, published_releases
from herdbook.fleet.trust.roles import ASSIGNMENTS, BINS, OFFLINE, RELEASES, ROLES, ROOT, validity
from herdbook.fleet.trust.store import State, file_of, one_writer, read_state
from herdbook.settings import Settings

GRACE = timedelta(days=1)
"""How long a file that no metadata names is kept: somebody may be reading the state before."""
WARN_DAYS = 30
"""From when on `refresh` asks for a ceremony."""


@dataclass(frozen=True)
class RoleStatus:
    """How a role stands."""

    role: str
    version: int
    expires: datetime
    days_left: float
    threshold: int
    keys: tuple[str, ...]
    """Ids of its keys."""


def role_status(settings: Settings) -> list[RoleStatus]:
    """Every role, by TUF's order of trust.

    Raises:
        NotInitialisedError: there is no signed repository.
    """
    state = read_state(settings)
    now = datetime.now(UTC)
    found = []
    for role in ROLES:
        signed = state.metadata(role).signed
        held = state.delegator(role).get_delegated_role(role)
        parts = state.bins.values() if role == ASSIGNMENTS else ()  # the first to expire stands for all
        expires = min([signed.expires, *(part.signed.expires for part in parts)])
        left = (expires - now) / timedelta(days=1)
        found.append(RoleStatus(role, signed.version, expires, left, held.threshold, tuple(held.keyids)))
    return found


def refresh(settings: Settings) -> list[RoleStatus]:
    """Sign timestamp and snapshot anew, and what the online roles signed once half of its life is over.

    Returns:
        How every role stands afterwards; nothing where there is no signed repository.

    Raises:
        MetadataExpiredError: root or top-level targets have expired; the others were refreshed.
        ConfigurationError: an online key is not here.
    """
    if not is_signed(settings):
        return []
    with one_writer(settings):
        state = read_state(settings)
        half_gone = datetime.now(UTC) + validity(settings, RELEASES) / 2
        stale = [r for r in (RELEASES, ASSIGNMENTS, *BINS) if state.metadata(r).signed.expires < half_gone]
        commit(settings, state, stale)
    found = role_status(settings)
    if expired := [status.role for status in found if status.role in OFFLINE and status.days_left <= 0]:
        raise MetadataExpiredError(
            f"{' and '.join(expired)} of the signed repository expired: devices install nothing",
            "Bring the offline keys: `herdbook fleet trust refresh --keys FOLDER`. What is installed keeps running.",
        )
    return found


def prune(settings: Settings, in_service: Iterable[str], ways_back: Collection[str] = ()) -> list[str]:
    """Remove old releases that no device in service is assigned, and files that no metadata names any more.

    Args:
        in_service: ids of the devices whose assignments count. The others' stay signed, for the sake of their numbers.
        ways_back: releases that devices may be told to run again.

    Returns:
        Ids of the releases that are gone.
    """
    if not is_signed(settings):
        return []
    with one_writer(settings):
        state = read_state(settings)
        gone = _unneeded(settings, state, set(in_service)) - set(ways_back)
        if gone:
            targets = state.releases.signed.targets
            for path in [path for path in targets if path.split("/")[1] in gone]:
                del targets[path]
            commit(settings, state, [RELEASES])
        _remove_leftovers(settings, state)
        return sorted(gone)


def _unneeded(settings: Settings, state: State, in_service: set[str]) -> set[str]:
    before = datetime.now(UTC) - timedelta(days=settings.release_keep_days)
    old = {
        release_id
        for release_id, target in published_releases(state).items()
        if datetime.fromisoformat(target.custom[PUBLISHED_AT]) < before
    }
    if not old:
        return set()
    assigned = set()
    for path, target in state.all_assigned().items():
        _, name, *rest = path.split("/")
        if not rest and name.removesuffix(".json") in in_service:
            assigned.add(read_assignment(state, target).release_id)
    return old - assigned


def _remove_leftovers(settings: Settings, state: State) -> None:
    """Files of earlier states and of publications that a crash cut short, unless somebody may still read them."""
    targets = state.folder / "targets"
    metadata = state.folder / "metadata"
    named = {file_of(role, state.metadata(role).signed.version) for role in (*ROLES, *BINS)}
    kept = {metadata / name for name in named} | set(metadata.glob(f"*.{ROOT}.json"))
    signed = {**state.releases.signed.targets, **state.all_assigned()}
    kept |= {targets / path for target in signed.values() for path in target.get_prefixed_paths()}
    now = datetime.now(UTC)
    book = settings.releases / "leftovers.json"
    known: dict[str, str] = json.loads(book.read_bytes()) if book.is_file() else {}
    waiting: dict[str, str] = {}
    for path in (path for folder in (metadata, targets) for path in folder.rglob("*")):
        if path.is_file() and path not in kept:
            name = path.relative_to(state.folder).as_posix()
            since = known.get(name, now.isoformat())
            if datetime.fromisoformat(since) > now - GRACE:
                waiting[name] = since
            else:
                path.unlink()
    write_durably(book, json.dumps(waiting).encode())
    for place in sorted((p for p in targets.rglob("*") if p.is_dir()), reverse=True):
        if not any(place.iterdir()):
            place.rmdir()
