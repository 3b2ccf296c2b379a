"""The repository's folder: ``metadata/`` and ``targets/``, which any static server may serve.

All metadata but ``timestamp.json`` is named by its version and all targets by their digest (consistent snapshots), so
that whoever reads while something is published reads one state. A state begins to exist when ``timestamp.json`` is
renamed into place: what was written before and not named by it is overwritten by the next publication, or pruned.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tuf.api.exceptions import RepositoryError, StorageError
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp
from tuf.api.metadata import TargetFile as Target
from tuf.api.serialization import DeserializationError

from herdbook.contracts.durable import make_folder
from herdbook.errors import NotInitialisedError, SignedReleaseError
from herdbook.errors import StorageError as OurStorageError
from herdbook.fleet.trust.roles import (
    ASSIGNMENTS,
    BINS,
    PATHS,
    RELEASES,
    ROOT,
    SNAPSHOT,
    TARGETS,
    TIMESTAMP,
    bin_of,
)
from herdbook.settings import Settings

_WAIT_S = 60.0


def repository_folder(settings: Settings) -> Path:
    """The folder that is served."""
    return settings.releases / "repository"


@dataclass
class State:
    """All metadata of one moment."""

    folder: Path
    root: Metadata[Root]
    targets: Metadata[Targets]
    releases: Metadata[Targets]
    assignments: Metadata[Targets]
    bins: dict[str, Metadata[Targets]]
    snapshot: Metadata[Snapshot]
    timestamp: Metadata[Timestamp]

    def delegator(self, role: str) -> Root | Targets:
        """What says whose signature a role needs."""
        if role in self.bins:
            return self.assignments.signed
        return self.targets.signed if role in PATHS else self.root.signed

    def signed_by(self, role: str) -> list[str]:
        """Key ids that may sign a role."""
        return self.delegator(role).get_delegated_role(role).keyids

    def metadata(self, role: str) -> Metadata[Root] | Metadata[Targets] | Metadata[Snapshot] | Metadata[Timestamp]:
        """A role's metadata."""
        if role in self.bins:
            return self.bins[role]
        found: Metadata[Root] | Metadata[Targets] | Metadata[Snapshot] | Metadata[Timestamp] = getattr(self, role)
        return found

    def assigned(self, path: str) -> Target | None:
        """A signed assignment or pool."""
        return self.bins[bin_of(path)].signed.targets.get(path)

    def all_assigned(self) -> dict[str, Target]:
        """Every signed assignment and pool, by path."""
        return {path: target for part in self.bins.values() for path, target in part.signed.targets.items()}


def exists(settings: Settings) -> bool:
    """Whether there is a signed repository."""
    return (repository_folder(settings) / "metadata" / "timestamp.json").is_file()


def read_state(settings: Settings) -> State:
    """The state that ``timestamp.json`` names.

    Raises:
        NotInitialisedError: there is no signed repository.
        SignedReleaseError: a file of it is lost or damaged.
    """
    folder = repository_folder(settings)
    if not exists(settings):
        raise NotInitialisedError(
            f"there is no signed repository at {folder}", "Make one with `herdbook fleet trust init`."
        )
    metadata = folder / "metadata"
    try:
        timestamp = Metadata[Timestamp].from_file(str(metadata / "timestamp.json"))
        snapshot_version = timestamp.signed.snapshot_meta.version
        snapshot = Metadata[Snapshot].from_file(str(metadata / f"{snapshot_version}.{SNAPSHOT}.json"))

        def targets(role: str) -> Metadata[Targets]:
            version = snapshot.signed.meta[f"{role}.json"].version
            return Metadata[Targets].from_file(str(metadata / f"{version}.{role}.json"))

        return State(
            folder=folder,
            root=Metadata[Root].from_file(str(newest_root(settings))),
            targets=targets(TARGETS),
            releases=targets(RELEASES),
            assignments=targets(ASSIGNMENTS),
            bins={name: targets(name) for name in BINS},
            snapshot=snapshot,
            timestamp=timestamp,
        )
    except (RepositoryError, StorageError, DeserializationError, OSError, KeyError) as error:
        raise SignedReleaseError(
            f"{metadata} is damaged: {error}", "Restore the folder from a backup; docs/fleet-manager.md says how."
        ) from error


def look_up(settings: Settings) -> State:
    """`read_state` for those who only read: kept while nothing is published, so that a thousand questions cost one.

    Raises:
        NotInitialisedError, SignedReleaseError: as `read_state` does.
    """
    path = repository_folder(settings) / "metadata" / "timestamp.json"
    return _kept(settings, path.read_bytes()) if path.is_file() else read_state(settings)


@lru_cache(maxsize=2)
def _kept(settings: Settings, timestamp: bytes) -> State:
    return read_state(settings)


def newest_root(settings: Settings) -> Path:
    """The root of trust that devices are given.

    Raises:
        NotInitialisedError: there is none.
    """
    found = list((repository_folder(settings) / "metadata").glob(f"*.{ROOT}.json"))
    if not found:
        raise NotInitialisedError("there is no root of trust yet", "Make one with `herdbook fleet trust init`.")
    return max(found, key=lambda path: int(path.name.partition(".")[0]))


def file_of(role: str, version: int) -> str:
    """Name of a role's metadata file."""
    return "timestamp.json" if role == TIMESTAMP else f"{version}.{role}.json"


@contextmanager
def one_writer(settings: Settings, wait_s: float = _WAIT_S) -> Iterator[None]:
    """Be the only one who publishes; waited for. The kernel lets go when the process ends.

    Raises:
        StorageError: another process has published for longer than we wait.
    """
    lock = make_folder(settings.releases) / "writer.lock"
    until = time.monotonic() + wait_s
    with lock.open("w") as stream:
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise OurStorageError(
                        f"another process publishes releases ({lock} is locked)", "Run the command again."
                    ) from None
            time.sleep(0.05)
        yield
