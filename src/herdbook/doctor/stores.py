"""The stores themselves: lake, ledger, the published file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from herdbook.doctor.findings import Finding, Verdict
from herdbook.errors import DatabaseAwayError, StorageError
from herdbook.settings import Settings


def lake(settings: Settings) -> Finding:
    """The catalog opens, and its version is ours."""
    from herdbook.lake.attach import open_lake, parse_catalog

    catalog = parse_catalog(settings)
    with _restorable(settings, catalog.file, "catalog.sqlite"), open_lake(settings, read_only=True) as opened:
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
