"""Back up a home: the lake as it is at one moment, then the ledger, the releases and the registry of models.

Files of the lake never change once written, so a backup on the same disk links them: it costs little and survives our
own clean-up. To survive the disk, write it to another one; it then costs what is new since the backup before.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from herdbook.backup import contents
from herdbook.backup.databases import Database, copy_out
from herdbook.backup.git import bundle
from herdbook.backup.installation import backups, installation
from herdbook.backup.manifest import (
    MANIFEST,
    BackupManifest,
    KeptDatabase,
    read_manifest,
    read_sums,
    sum_of,
    write_sums,
)
from herdbook.backup.named import lake_of_now, require_kept
from herdbook.backup.objects import Prefix
from herdbook.backup.tree import Tree
from herdbook.contracts.durable import disk_full_is_said, fsync_path, make_folder, write_durably
from herdbook.errors import BackupUnusableError
from herdbook.lake.lockfile import held
from herdbook.lake.restoring import require_filled
from herdbook.lake.transaction import writers_kept_out
from herdbook.settings import Settings

KEEP = 7
"""Backups of a home that stay; older ones are removed when a new one is complete."""

_STAMP = "%Y%m%dT%H%M%SZ"


def backup(
    settings: Settings, *, to: Path | None = None, keep: int = KEEP, progress: Callable[[int], object] | None = None
) -> Path:
    """Write ``<to>/<UTC time>/``: everything of a home that no night can make again, but for secrets and footage.

    Args:
        settings: where everything is.
        to: folder of backups; ``settings.backups`` when omitted.
        keep: how many of this home's backups stay there, this one included; at least 1. Others' are left alone.
        progress: told the number of files done so far.

    Returns:
        The folder. It appears under its name when it is complete.

    Raises:
        StorageError: a store cannot be copied, or lacks a file that the lake's catalog names; older backups stay.
        LakeBusyError: the lake's writers, or another backup, did not end in time.
        DiskFullError: there is no room.
        MissingDependencyError: a program of PostgreSQL's or Git is not installed.
    """
    require_filled(settings)
    place, ours = make_folder(to or settings.backups), installation(settings)
    with held(place / ".lock", time.monotonic() + settings.lake_wait_s, "another backup is being written"):
        for left in place.glob(".*.part"):  # of a backup that was killed
            shutil.rmtree(left)
        with _under_way(place) as part:
            _write(settings, ours, _Writing(part, next(reversed(backups(settings, place)), None), progress))
            final = _name(place)
            part.rename(final)
        fsync_path(place)
        for old in backups(settings, place)[: -max(keep, 1)]:
            shutil.rmtree(old)
    return final


@dataclass
class _Writing:
    """A backup under way."""

    folder: Path
    former: Path | None
    progress: Callable[[int], object] | None
    names: list[str] = field(default_factory=list)

    def done(self, name: str) -> None:
        """A file is there."""
        self.names.append(name)
        if self.progress is not None:
            self.progress(len(self.names))

    def tree(self, tree: Tree | Prefix, only: Collection[str] | None = None) -> None:
        """Keep a folder, or a prefix, or ``only`` some names of it."""
        tree.keep(self.folder, self.former, self.done, only)


def _write(settings: Settings, ours: str, writing: _Writing) -> None:
    databases = contents.databases(settings)
    folders = contents.folders(settings)
    kept: dict[str, KeptDatabase] = {}
    with disk_full_is_said(writing.folder):
        data = [tree for tree in folders if tree.name == contents.DATA]
        _, before = lake_of_now(settings)
        # The bulk, while others write: no file that is named now goes for a day (`maintenance.GRACE`).
        for tree in data:
            writing.tree(tree, before)
        with writers_kept_out(settings):
            made_at = datetime.now(UTC)
            _database(writing, kept, contents.CATALOG, databases)
            of_lake, named = lake_of_now(settings)  # after the copy: loads, which may add files meanwhile, are in both
            for tree in data:
                if came := named.keys() - before.keys():
                    writing.tree(tree, came)
                require_kept(settings, named, writing.folder / tree.name)
            _database(writing, kept, contents.LEDGER, databases)
        _database(writing, kept, contents.MLFLOW, databases)
        if bundle(settings.registry / "pipeline.git", writing.folder / contents.PIPELINE):
            writing.done(contents.PIPELINE)
        for tree in folders:
            if tree.name != contents.DATA:
                writing.tree(tree)
        write_durably(writing.folder / "README.txt", _README.encode())
        writing.done("README.txt")
        sums = _sums(writing)
    manifest = BackupManifest(
        made_at=made_at,
        herdbook=version("herdbook"),
        installation=ours,
        lake_version=of_lake,
        databases=kept,
        trees={tree.name: str(tree.source) for tree in folders},
        not_here=contents.not_here(settings),
        files=len(sums),
        bytes=sum((writing.folder / name).stat().st_size for name in sums),
        sums=write_sums(writing.folder, sums),
    )
    write_durably(writing.folder / MANIFEST, manifest.model_dump_json(indent=1).encode(), mode=0o600)


def _database(writing: _Writing, kept: dict[str, KeptDatabase], name: str, databases: dict[str, Database]) -> None:
    """Copy a database, unless it is one that was copied already."""
    if name not in databases:
        return
    database = databases[name]
    same = next((kept[other] for other in kept if databases[other].same_as(database)), None)
    if same is not None:
        kept[name] = same
        return
    file = f"{name}{database.suffix}"
    if copy_out(database, writing.folder / file):
        (writing.folder / file).chmod(0o600)  # stays so where it is copied to; linked files keep the home's own mode
        kept[name] = KeptDatabase(kind=database.kind, file=file)
        writing.done(file)


def _sums(writing: _Writing) -> dict[str, str]:
    known: dict[str, str] = {}
    if writing.former is not None:
        with suppress(BackupUnusableError):
            read_manifest(writing.former)
            known = read_sums(writing.former)
    return {name: sum_of(writing.folder, name, writing.former, known) for name in writing.names}


@contextmanager
def _under_way(place: Path) -> Iterator[Path]:
    """A folder that is gone if it does not become a backup."""
    part = place / f".{datetime.now(UTC).strftime(_STAMP)}.part"
    part.mkdir(mode=0o700)  # the ledger's addresses and whatever else others may not read: all below it
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _name(place: Path) -> Path:
    while (final := place / datetime.now(UTC).strftime(_STAMP)).exists():  # two within one second
        time.sleep(0.2)
    return final


_README = """A backup of a Herdbook: the lake, catalog and data, as it was at one moment, the ledger as it was right
after, the releases with their signed repository, and the registry of models. `herdbook restore FOLDER` brings it back
onto an empty machine; manifest.json says what is in it, `sha256sum --check --quiet SHA256SUMS` whether it is whole.
Do not open its files in place: restore them, or open copies.
Not in it: tokens and signing keys (secrets/), footage, Airflow's own database with its connections, the rights of
analysts' roles, and the published herd.duckdb, which restoring writes anew.
"""
