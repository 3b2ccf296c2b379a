"""PostgreSQL servers: their version, their clock, and whether our client programs can back them up."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator

from herdbook.doctor.findings import Finding, Verdict
from herdbook.settings import Settings

OLDEST = 14
"""Older servers have no security updates any more."""
CLOCK_S = 5.0
"""Times of loads and claims come from several machines: they must be comparable."""


def servers(settings: Settings) -> Iterator[Finding]:
    """One finding for each of lake and ledger that is on PostgreSQL."""
    from sqlalchemy import make_url

    from herdbook.lake.attach import parse_catalog

    found = {}
    catalog = parse_catalog(settings)
    if catalog.file is None:
        found["lake"] = catalog.target
    if settings.ledger_database_url.startswith("postgresql"):
        url = make_url(settings.ledger_database_url).set(drivername="postgresql")
        found["ledger"] = url.render_as_string(hide_password=False)
    if not found:
        yield Finding("postgresql", Verdict.ABSENT, "lake and ledger are files of SQLite")
    for name, address in found.items():
        yield _server(f"postgresql of the {name}", address)


def _server(name: str, address: str) -> Finding:
    import psycopg2  # type: ignore[import-untyped]

    from herdbook.lake.attach import redact

    try:
        connection = psycopg2.connect(address, connect_timeout=10)
    except psycopg2.Error as error:
        return Finding(name, Verdict.FAIL, redact(str(error).strip().splitlines()[0]), _remedy(str(error)))
    try:
        with connection.cursor() as cursor:
            begun = time.time()
            cursor.execute(
                "SELECT current_setting('server_version'), extract(epoch FROM clock_timestamp())::float8,"
                " current_setting('max_connections')::int, (SELECT count(*) FROM pg_stat_activity)"
            )
            version, clock, most, used = cursor.fetchone()
            ahead = clock - (begun + time.time()) / 2
    finally:
        connection.close()
    said = f"{version}, clock {ahead:+.1f} s, {used} of {most} connections"
    major = int(re.match(r"\d+", version)[0])  # type: ignore[index]
    if major < OLDEST:
        return Finding(name, Verdict.WARN, said, f"Upgrade the server: {OLDEST} or newer.")
    if abs(ahead) > CLOCK_S:
        return Finding(name, Verdict.FAIL, said, "Set both machines' clocks by NTP.")
    if used > 0.8 * most:
        return Finding(name, Verdict.WARN, said, "Raise max_connections, or lower the workers' --concurrency.")
    ours = pg_dump_version()
    if ours is None or ours < major:
        had = "not installed" if ours is None else f"of version {ours}"
        return Finding(
            name, Verdict.FAIL, f"{said}; pg_dump is {had}", f"Install postgresql-client-{major}: backups need it."
        )
    return Finding(name, Verdict.OK, said)


def pg_dump_version() -> int | None:
    """The major version of the installed ``pg_dump``, which refuses servers that are newer; none if there is none."""
    program = shutil.which("pg_dump")
    if program is None:
        return None
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    found = re.search(r"(\d+)(\.\d+)?", done.stdout)
    return int(found[1]) if found else None


def _remedy(said: str) -> str:
    if "password" in said:
        return (
            "Put HOST:PORT:DATABASE:USER:PASSWORD into ~/.pgpass, or the file that PGPASSFILE names, and make it "
            "readable by its owner only (libpq passes over it otherwise)."
        )
    if "does not exist" in said:
        return "Create the database and role: docs/operator.md, several machines."
    return "Check that PostgreSQL runs and can be reached from here, and its address in the settings."
