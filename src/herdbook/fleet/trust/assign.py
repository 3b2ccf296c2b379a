"""What each device is to run, as signed targets of the role ``assignments``: a whole batch in one publication."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError
from tuf.api.metadata import TargetFile as Target

from herdbook.contracts.assignment import Assignment, TargetFile, assignment_target, pool_target
from herdbook.contracts.digest import sha256_of
from herdbook.contracts.release import RELEASE_NAME
from herdbook.errors import InputError, SignedReleaseError
from herdbook.fleet.trust.commit import commit
from herdbook.fleet.trust.roles import bin_of
from herdbook.fleet.trust.store import State, look_up, one_writer, read_state
from herdbook.fleet.trust.targets import place_of, put
from herdbook.settings import Settings

NUMBER = "number"
"""Kept with an assignment's signature, so that counting on needs no file."""


def assign(
    settings: Settings, assignments: Sequence[Assignment], pools: Mapping[str, Sequence[Path]] | None = None
) -> None:
    """Sign and publish what devices are to run from now on, all at once.

    Args:
        assignments: at most one per device, each with a number above the device's present one (`next_number`).
        pools: by device, files that its assignment names as `pool_file` describes them, published together with it.
            Pools that a device's new assignment does not name are no longer signed.

    Raises:
        InputError: a number is not above the present one, a device is named twice, or a file is not signed so.
    """
    if not assignments:
        return
    with one_writer(settings):
        state = read_state(settings)
        signed = state.all_assigned()
        new_pools = {pool_file(device, path).path: path for device, files in (pools or {}).items() for path in files}
        staged = put(state.folder, dict(new_pools))
        if len({assignment.device_id for assignment in assignments}) != len(assignments):
            raise InputError("a device is assigned twice at once")
        known = {**state.releases.signed.targets, **signed, **staged}
        for assignment in assignments:
            _check(assignment, _number(state, assignment.device_id), known)
        named = {file.path for assignment in assignments for file in assignment.files}
        if unnamed := staged.keys() - named:
            raise InputError(f"no assignment names the pool {min(unnamed)}")
        devices = {assignment.device_id for assignment in assignments}
        dropped = [path for path in signed if _pool_of(path) in devices and path not in named]
        documents = {assignment_target(a.device_id): a.model_dump_json().encode() for a in assignments}
        new = put(state.folder, dict(documents))
        for assignment in assignments:
            new[assignment_target(assignment.device_id)].unrecognized_fields["custom"] = {NUMBER: assignment.number}
        for path in dropped:
            del state.bins[bin_of(path)].signed.targets[path]
        for path, target in (staged | new).items():
            state.bins[bin_of(path)].signed.targets[path] = target
        commit(settings, state, {bin_of(path) for path in [*dropped, *staged, *new]})


def next_number(settings: Settings, device_id: str) -> int:
    """The number of a device's next assignment, from 1. It goes on when a device's machine is replaced."""
    return _number(look_up(settings), device_id) + 1


def current_assignment(settings: Settings, device_id: str) -> Assignment | None:
    """What a device is assigned now; none where it was never assigned anything."""
    state = look_up(settings)
    target = state.assigned(assignment_target(device_id))
    return None if target is None else read_assignment(state, target)


def pool_file(device_id: str, path: Path) -> TargetFile:
    """How an assignment names a pool that `assign` is given beside it; its path holds its digest."""
    digest = sha256_of(path)
    target = pool_target(device_id, f"{path.stem}-{digest[:12]}{path.suffix}")
    return TargetFile(path=target, name=path.name, bytes=path.stat().st_size, sha256=digest)


def read_assignment(state: State, target: Target) -> Assignment:
    """A signed assignment's document.

    Raises:
        SignedReleaseError: its file is lost or damaged.
    """
    try:
        return Assignment.model_validate_json(place_of(state.folder, target).read_bytes())
    except (OSError, ValidationError) as error:
        raise SignedReleaseError(
            f"{target.path} is lost or damaged in the repository", "Assign the device's release again."
        ) from error


def _number(state: State, device_id: str) -> int:
    target = state.assigned(assignment_target(device_id))
    return 0 if target is None else int(target.custom[NUMBER])


def _pool_of(path: str) -> str | None:
    """The device that a pool belongs to; none where the path is an assignment."""
    _, device_id, *rest = path.split("/")
    return device_id if rest else None


def _check(assignment: Assignment, present: int, known: Mapping[str, Target]) -> None:
    device_id = assignment.device_id
    if assignment.number <= present:
        raise InputError(
            f"assignment {assignment.number} of '{device_id}' does not follow {present}",
            "Someone else has assigned it meanwhile: see `herdbook fleet status`, then try again.",
        )
    if assignment.files and assignment.digest_of(RELEASE_NAME) is None:
        raise InputError(f"the assignment of '{device_id}' names no {RELEASE_NAME}")
    if len({file.name for file in assignment.files}) != len(assignment.files):
        raise InputError(f"the assignment of '{device_id}' names two files alike")
    for file in assignment.files:
        target = known.get(file.path)
        own = file.path.startswith(("releases/", pool_target(device_id, "")))
        if not own or target is None or (target.length, target.hashes["sha256"]) != (file.bytes, file.sha256):
            raise InputError(f"the assignment of '{device_id}' names {file.path}, which is not signed so")
