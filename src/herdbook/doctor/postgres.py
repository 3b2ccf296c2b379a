"""PostgreSQL servers: their version, their clock, our rights there, and whether our programs can back them up."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from herdbook.doctor.findings import Finding, Verdict
from herdbook.settings import Settings

OLDEST = 14
"""Older servers have no security updates any more."""
CLOCK_S = 5.0
"""Times of loads and claims come from several machines: they must be comparable."""


def servers(settings: Settings) -> Iterator[Finding]:
    """One finding for each database of ours that is on PostgreSQL."""
    from sqlalchemy import make_url

    from herdbook.lake.attach import parse_catalog

    found = {}
    catalog = parse_catalog(settings)
    if catalog.file is None:
        found["lake"] = catalog.target
    urls = {"ledger": settings.ledger_database_url, "registry": settings.mlflow_store or settings.mlflow_tracking_uri}
    for name, given in urls.items():
        if given.startswith("postgresql"):
            found[name] = make_url(given).set(drivername="postgresql").render_as_string(hide_password=False)
    if not found:
        yield Finding("postgresql", Verdict.ABSENT, "all databases are files of SQLite")
    for name, address in found.items():
        yield _server(f"postgresql of the {name}", address)


@dataclass(frozen=True)
class _Answer:
    """What a server says of itself and of us."""

    version: str
    ahead_s: float
    """Its clock against ours."""
    most: int
    used: int
    """Connections, of at most so many."""
    role: str
    mighty: bool
    may_create: bool

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])

    def __str__(self) -> str:
        return f"{self.version}, clock {self.ahead_s:+.1f} s, {self.used} of {self.most} connections"


_QUESTION = """
SELECT
    substring(current_setting('server_version') FROM '^[0-9.]+'),
    extract(epoch FROM clock_timestamp())::float8,
    current_setting('max_connections')::int,
    (SELECT count(*) FROM pg_stat_activity),
    current_user::text,
    (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
    has_database_privilege(current_database(), 'CREATE')
"""


def _server(name: str, address: str) -> Finding:
    import psycopg2  # type: ignore[import-untyped]

    from herdbook.lake.attach import redact

    try:
        with closing(psycopg2.connect(address, connect_timeout=10)) as connection, connection.cursor() as cursor:
            begun = time.time()
            cursor.execute(_QUESTION)
            version, clock, *rest = cursor.fetchone()
            answer = _Answer(version, clock - (begun + time.time()) / 2, *rest)
    except psycopg2.Error as error:
        return Finding(name, Verdict.FAIL, redact(str(error).strip().splitlines()[0]), _remedy(str(error)))
    verdict, more, remedy = _judged(answer)
    return Finding(name, verdict, f"{answer}{more}", remedy)


def _judged(answer: _Answer) -> tuple[Verdict, str, str]:
    """The worst that is to be said: how bad, what, and what to do."""
    ours = pg_dump_version()
    dump = "pg_dump is not installed" if ours is None else f"pg_dump is of version {ours}"
    said = [
        (
            abs(answer.ahead_s) > CLOCK_S,
            (Verdict.FAIL, "", "Set both machines' clocks by NTP."),
        ),
        (
            not answer.may_create,
            (
                Verdict.FAIL,
                f"; {answer.role} may not create tables, which `herdbook init` does after an upgrade",
                f'Make it the owner: ALTER DATABASE … OWNER TO "{answer.role}".',
            ),
        ),
        (
            ours is None or ours < answer.major,
            (Verdict.FAIL, f"; {dump}", f"Install postgresql-client-{answer.major}: backups need it."),
        ),
        (answer.major < OLDEST, (Verdict.WARN, "", f"Upgrade the server: {OLDEST} or newer.")),
        (
            answer.used > 0.8 * answer.most,
            (Verdict.WARN, "", "Raise max_connections, or lower the workers' --concurrency."),
        ),
        (
            answer.mighty,
            (
                Verdict.WARN,
                f"; {answer.role} is a superuser",
                "Give each database a role of its own that owns it and nothing else: docs/operator.md.",
            ),
        ),
    ]
    return next((finding for holds, finding in said if holds), (Verdict.OK, "", ""))


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
