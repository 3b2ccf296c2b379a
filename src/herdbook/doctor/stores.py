"""The stores themselves: lake, ledger, the published file."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from herdbook.doctor.findings import Finding, Verdict
from herdbook.errors import DatabaseAwayError, StorageError
from herdbook.settings import Settings

OLD_BACKUP_H = 48
"""Hours after which a backup should have been followed by another."""


def lake(settings: Settings) -> Finding:
    """The catalog opens, and its version is ours."""
    from herdbook.lake.attach import open_lake, parse_catalog
    from herdbook.lake.migrate import require_current

    catalog = parse_catalog(settings)
    with _restorable(settings, catalog.file, "catalog.sqlite"), open_lake(settings, read_only=True) as opened:
        require_current(opened)
        row = opened.execute("SELECT count(*), max(day) FROM device_day").fetchone()
    days, latest = row or (0, None)
    said = f"{days} device days" + (f", the latest {latest}" if latest else "")
    return Finding("lake", Verdict.OK, said + ("" if catalog.file else f", in {catalog}"))


def extensions(settings: Settings) -> Finding:
    """DuckDB's extensions are those that these settings need, of DuckDB's own version."""
    import duckdb

    from herdbook.lake.attach import CONFIG, load_extension, parse_catalog
    from herdbook.object_store import is_object_store

    needed = ["ducklake", "sqlite_scanner" if parse_catalog(settings).file else "postgres_scanner"]
    needed += ["httpfs"] if is_object_store(settings.lake_data_path) else []
    with duckdb.connect(config=CONFIG) as connection:
        for name in needed:
            load_extension(connection, name)
        rows = connection.execute(
            "SELECT extension_name, extension_version FROM duckdb_extensions()"
            " WHERE loaded AND install_mode <> 'STATICALLY_LINKED' ORDER BY 1"
        ).fetchall()
    loaded = ", ".join(f"{name} {version}" for name, version in rows)
    return Finding("extensions", Verdict.OK, f"DuckDB {duckdb.__version__}: {loaded}")


def ledger(settings: Settings) -> Finding:
    """The ledger opens, and its schema is ours."""
    from sqlalchemy import func, select

    from herdbook.ledger.engine import ledger_engine, sqlite_file
    from herdbook.ledger.models import Device
    from herdbook.ledger.session import ledger_session

    file = sqlite_file(ledger_engine(settings))
    with _restorable(settings, file, "ledger.sqlite"), ledger_session(settings) as session:
        devices = session.scalar(select(func.count()).select_from(Device).where(Device.retired_at.is_(None)))
    return Finding("ledger", Verdict.OK, f"{devices} devices enrolled")


def published(settings: Settings) -> Finding:
    """The file that people open."""
    path: Path = settings.published
    if not path.is_file():
        return Finding(
            "published", Verdict.WARN, f"{path} is not there yet", "It is written by the first `herdbook load`."
        )
    import herdbook

    with herdbook.connect(path) as herd:
        row = herd.execute("SELECT published_at FROM published").fetchone()
    return Finding("published", Verdict.OK, f"{path}, of {row[0] if row else 'unknown time'}")


def backups(settings: Settings) -> Finding:
    """Where backups go is there, and the latest is not old."""
    from herdbook.backup.installation import backups as found

    place = settings.backups
    if settings.backup_folder is not None and not place.is_dir():
        return Finding("backups", Verdict.FAIL, f"{place} is not there", "Mount it, or correct HERDBOOK_BACKUP_FOLDER.")
    if place.is_dir() and not os.access(place, os.W_OK | os.X_OK):
        return Finding("backups", Verdict.FAIL, f"{place} cannot be written", "Give this user the folder.")
    latest = max((folder.stat().st_mtime for folder in found(settings)), default=None)
    if latest is None:
        return Finding(
            "backups", Verdict.WARN, f"none in {place} yet", "`maintain` makes one a night: `herdbook backup`."
        )
    hours = (time.time() - latest) / 3600
    if hours > OLD_BACKUP_H:
        remedy = "See in Airflow why `maintain` makes none, or run `herdbook backup`."
        return Finding("backups", Verdict.WARN, f"the latest in {place} is {hours / 24:.0f} days old", remedy)
    return Finding("backups", Verdict.OK, f"the latest in {place} is {hours:.0f} hours old")


@contextmanager
def _restorable(settings: Settings, file: Path | None, name: str) -> Iterator[None]:
    """Say how to mend a store that cannot be used, where its own error only sends people here.

    Args:
        settings: where backups are.
        file: the store, or none where it is a PostgreSQL database.
        name: what backups call it.
    """
    from herdbook.backup.installation import backups

    try:
        yield
    except StorageError as error:
        if error.remedy not in (StorageError.remedy, DatabaseAwayError.remedy):
            raise
        kept = [backup / name for backup in backups(settings) if (backup / name).is_file()]
        if file is None:
            remedy = "Check that PostgreSQL runs, and its address and password in the settings and ~/.pgpass."
        elif kept:
            remedy = (
                f"Stop Airflow, move {file}* aside, copy {kept[-1]} to {file}, and run `herdbook load`: "
                "it adds what has landed since."
            )
        else:
            remedy = (
                f"No backup in {settings.backups} holds it. Stop Airflow, move {file}* aside, and try sqlite3's "
                f"`.recover` on a copy; an empty one (`herdbook init`) is the last resort."
            )
        raise StorageError(error.message, remedy) from error
