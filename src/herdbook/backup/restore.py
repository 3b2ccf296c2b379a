"""Bring a backup back onto an empty machine, then bring everything up to this version.

Nothing is touched before the backup was found to be whole and the home to be empty. While it goes on, a note in the
home says so and keeps writers out of the lake: interrupted, the same call goes on. Databases come last, and the catalog
last of them: until then there is no lake that anybody could take for whole. What is written after that is kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from herdbook.backup import contents
from herdbook.backup.databases import Database, is_empty, put_back
from herdbook.backup.git import unbundle
from herdbook.backup.installation import take_over
from herdbook.backup.manifest import MANIFEST, BackupManifest, read_manifest, verify
from herdbook.backup.objects import Prefix
from herdbook.backup.rebase import rebase
from herdbook.backup.tree import Tree
from herdbook.contracts.digest import sha256_of
from herdbook.contracts.durable import disk_full_is_said, make_folder
from herdbook.errors import BackupUnusableError, RestoreRefusedError
from herdbook.lake.lockfile import held
from herdbook.lake.migrate import LAKE_VERSION, migrate
from herdbook.lake.restoring import Restoring, note, unfinished
from herdbook.ledger.migrate import upgrade
from herdbook.object_store import make_bucket
from herdbook.settings import Settings

_LAST = (contents.MLFLOW, contents.LEDGER, contents.CATALOG)


@dataclass(frozen=True)
class Restored:
    """What a restore came to."""

    backup: Path
    made_at: datetime
    files: int
    from_lake_version: int | None
    lake_version: int
    moved_addresses: int
    """Artifacts' addresses in MLflow's records that begin otherwise in this home."""


def restore(settings: Settings, backup: Path, progress: Callable[[str, int, int], object] | None = None) -> Restored:
    """Bring a backup's content into this home, which has none of its own.

    Args:
        settings: of the home, new or interrupted while it was restored.
        backup: folder that `write.backup` wrote.
        progress: told what is done, how many files of it, of how many.

    Raises:
        NotFoundError: there is no such backup.
        BackupUnusableError: it is no backup, of a newer Herdbook, or of other stores than this home's.
        BackupDamagedError: it is not whole; nothing was touched.
        RestoreRefusedError: there is something that would be overwritten; nothing was touched.
        StorageError: a store cannot be written; the same call goes on.
    """
    say = progress or (lambda *_: None)
    manifest = read_manifest(backup)
    databases = contents.databases(settings)
    _require_fitting(manifest, databases, backup)
    targets = _targets(settings, manifest, backup)
    names = verify(backup, manifest, lambda done, total: say("verifying", done, total))
    make_folder(settings.home)
    lock = held(settings.home / ".restore.lock", time.monotonic() + 1, "another restore goes on")
    with lock, disk_full_is_said(settings.home):
        begun = unfinished(settings)
        digest = sha256_of(backup / MANIFEST)
        for url in settings.buckets:
            make_bucket(settings, url)
        if begun is None or begun.digest != digest:
            _require_empty(databases, targets)
        if begun != Restoring(digest, filled=True):
            note(settings, Restoring(digest))
            if manifest.installation is not None:
                take_over(settings, manifest.installation)
            _put_folders(settings, targets, backup, names, say)
            _put_databases(databases, manifest, backup, say)
            note(settings, Restoring(digest, filled=True))  # from here on nothing is overwritten, if it is run again
        say("bringing it up to date", 0, 1)
        moved = _moved(settings, manifest)
        version = migrate(settings)
        upgrade(settings)
        note(settings, None)
    return Restored(backup, manifest.made_at, len(names), manifest.lake_version, version, moved)


def _require_fitting(manifest: BackupManifest, databases: dict[str, Database], backup: Path) -> None:
    for name, kept in manifest.databases.items():
        if name not in databases:
            raise BackupUnusableError(
                f"{backup} has MLflow's database, and this home uses a server",
                "Let HERDBOOK_MLFLOW_STORE name the database behind that server, empty.",
            )
        if databases[name].kind != kept.kind:
            raise BackupUnusableError(
                f"the {name} of {backup} is of {kept.kind}, this home's of {databases[name].kind}",
                "Restore it into stores of the kind that it comes from.",
            )
    if manifest.lake_version is not None and manifest.lake_version > LAKE_VERSION:
        raise BackupUnusableError(
            f"{backup} holds a lake of version {manifest.lake_version}, this Herdbook knows up to {LAKE_VERSION}",
            f"Install Herdbook {manifest.herdbook}, or newer.",
        )


def _targets(settings: Settings, manifest: BackupManifest, backup: Path) -> list[Tree | Prefix]:
    """Where this home keeps what the backup has, also where its own backups leave that out."""
    every = contents.folders(settings.model_copy(update={"backup_objects": True}))
    found = [tree for tree in every if tree.name in manifest.trees]
    if homeless := set(manifest.trees) - {tree.name for tree in found}:
        raise BackupUnusableError(
            f"this home does not say where it keeps {', '.join(sorted(homeless))}, which {backup} has",
            "Let HERDBOOK_MLFLOW_ARTIFACTS name where the server keeps models' files, empty; nothing was touched.",
        )
    return found


def _require_empty(databases: dict[str, Database], targets: list[Tree | Prefix]) -> None:
    for name, database in databases.items():
        if not is_empty(database):
            raise RestoreRefusedError(f"there is a {name} already: {database}")
    for target in targets:
        there = next(target.names(), None)
        if there is not None:
            raise RestoreRefusedError(f"there is something already: {target.source}/{there}")


def _put_folders(
    settings: Settings,
    targets: list[Tree | Prefix],
    backup: Path,
    names: list[str],
    say: Callable[[str, int, int], object],
) -> None:
    places = {target.name: target for target in targets}
    for done, name in enumerate(names, 1):
        top, _, below = name.partition("/")
        if top in places and below:
            places[top].put(backup / name, below)
        elif name == contents.PIPELINE:
            unbundle(backup / name, settings.registry / "pipeline.git")
        say("restoring files", done, len(names))
    for target in targets:
        target.flush()


def _put_databases(
    databases: dict[str, Database], manifest: BackupManifest, backup: Path, say: Callable[[str, int, int], object]
) -> None:
    for name in _LAST:
        if name in manifest.databases:
            say(f"restoring {name}", 0, 1)
            put_back(databases[name], backup / manifest.databases[name].file)


def _moved(settings: Settings, manifest: BackupManifest) -> int:
    if contents.MLFLOW not in manifest.databases or contents.ARTIFACTS not in manifest.trees:
        return 0
    return rebase(settings, manifest.trees[contents.ARTIFACTS])
