"""What a rollout asks of the signed repository."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from herdbook.contracts.assignment import Assignment, TargetFile
from herdbook.contracts.release import Release
from herdbook.settings import Settings


class Signer(Protocol):
    """Signs what devices are to run. `TrustSigner` is the real one; benchmarks may bring their own."""

    def release(self, release_id: str) -> Release:
        """``release.json`` of a signed release.

        Raises:
            NotFoundError: it was not signed.
        """

    def release_files(self, release_id: str) -> tuple[TargetFile, ...]:
        """The signed files of a release, without engines.

        Raises:
            NotFoundError: it was not signed.
        """

    def plans_for(self, release_id: str, engine_key: str) -> tuple[TargetFile, ...]:
        """The signed engines of a release for one kind of device; empty where none was built."""

    def present(self, device_ids: Collection[str]) -> Mapping[str, Assignment]:
        """What devices are assigned now; those that never were are absent."""

    def pools(self, device_id: str, present: Assignment | None) -> tuple[TargetFile, ...]:
        """Embedding pools that go with a device's next assignment: fresh ones if there are any, else the present."""

    def assign(self, assignments: Sequence[Assignment]) -> None:
        """Sign and publish a batch at once, with the pools that the assignments name."""

    def publish_plans(self, release_id: str, engine_key: str, files: Iterable[Path]) -> None:
        """Sign engines that a canary built."""


def pools_folder(settings: Settings, device_id: str) -> Path:
    """Where a device's fresh pools lie: `herdbook.fleet.rollout.pools` puts them there."""
    return settings.releases / "pools" / device_id


class TrustSigner:
    """The repository of `herdbook.fleet.trust`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def release(self, release_id: str) -> Release:
        from herdbook.contracts.assignment import release_target
        from herdbook.contracts.release import RELEASE_NAME
        from herdbook.errors import NotSignedError
        from herdbook.fleet.trust.store import read_state
        from herdbook.fleet.trust.targets import place_of

        state = read_state(self._settings)
        target = state.releases.signed.targets.get(release_target(release_id, RELEASE_NAME))
        if target is None:
            raise NotSignedError(f"release '{release_id}' is not in the signed repository")
        return Release.model_validate_json(place_of(state.folder, target).read_bytes())

    def release_files(self, release_id: str) -> tuple[TargetFile, ...]:
        from herdbook.fleet import trust

        return trust.release_files(self._settings, release_id)

    def plans_for(self, release_id: str, engine_key: str) -> tuple[TargetFile, ...]:
        from herdbook.fleet import trust

        return trust.plans_for(self._settings, release_id, engine_key)

    def present(self, device_ids: Collection[str]) -> Mapping[str, Assignment]:
        """All of them from one reading of the metadata, which takes longer than anything else here."""
        from herdbook.contracts.assignment import assignment_target
        from herdbook.fleet.trust.assign import read_assignment
        from herdbook.fleet.trust.store import read_state

        state = read_state(self._settings)
        targets = {name: state.assigned(assignment_target(name)) for name in device_ids}
        return {name: read_assignment(state, target) for name, target in targets.items() if target is not None}

    def pools(self, device_id: str, present: Assignment | None) -> tuple[TargetFile, ...]:
        """Fresh ones are what lies in `pools_folder`."""
        from herdbook.contracts.assignment import pool_target
        from herdbook.fleet import trust

        if fresh := self._fresh(device_id):
            return tuple(trust.pool_file(device_id, path) for path in fresh)
        held = present.files if present is not None else ()
        return tuple(file for file in held if file.path.startswith(pool_target(device_id, "")))

    def assign(self, assignments: Sequence[Assignment]) -> None:
        from herdbook.fleet import trust

        fresh = {a.device_id: self._fresh(a.device_id) for a in assignments if a.files}
        trust.assign(self._settings, assignments, {device: paths for device, paths in fresh.items() if paths})

    def publish_plans(self, release_id: str, engine_key: str, files: Iterable[Path]) -> None:
        from herdbook.fleet import trust

        trust.publish_plans(self._settings, release_id, engine_key, files)

    def _fresh(self, device_id: str) -> list[Path]:
        return sorted(pools_folder(self._settings, device_id).glob("[!.]*"))
