"""Run the checks that stand beside the tables and views under ``sql/``.

DuckLake knows no keys: what must hold is a query that returns the rows that break it. A file ``checks.sql`` holds any
number of them, each under a line ``-- check: name severity: fail|warn`` and a comment that says what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import duckdb

from herdbook.errors import ConfigurationError, StorageError
from herdbook.lake import transaction
from herdbook.lake.attach import open_lake, redact
from herdbook.lake.definitions import sql_root
from herdbook.lake.migrate import require_current
from herdbook.lake.rows import insert_rows
from herdbook.settings import Settings

SHOWN_ROWS = 5
"""Offending rows that a result carries."""


class Severity(StrEnum):
    """What a finding means: a failed check keeps the herd from being published."""

    FAIL = "fail"
    WARN = "warn"


@dataclass(frozen=True)
class Check:
    """One check. ``name`` is ``group/table.check``; ``meaning`` says what its rows are."""

    name: str
    severity: Severity
    meaning: str
    sql: str


@dataclass(frozen=True)
class CheckResult:
    """What a check found: how many rows, and the first of them."""

    name: str
    severity: Severity
    meaning: str
    rows: int
    sample: list[dict[str, Any]]

    @property
    def failed(self) -> bool:
        """Whether this keeps the herd from being published."""
        return self.severity is Severity.FAIL and self.rows > 0


_HEAD = re.compile(r"^-- check: (?P<name>[a-z0-9_]+) severity: (?P<severity>fail|warn)\s*$", re.MULTILINE)


def all_checks() -> tuple[Check, ...]:
    """Every check, in the order of the folders.

    Raises:
        ConfigurationError: a file is not made of checks.
    """
    return tuple(check for path in sorted(sql_root().glob("*/*/checks.sql")) for check in _parse(path))


def run_checks(
    settings: Settings,
    *,
    everything: bool = False,
    snapshot: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[CheckResult]:
    """Run every check on one state of the lake.

    Days that passed are not looked at again until they are loaded or claimed anew; days that failed are.

    Args:
        settings: where the lake is.
        everything: look at all days.
        snapshot: the state to look at; the latest when omitted.
        progress: told each check's name before it runs, how many are done, and of how many.

    Raises:
        NotInitialisedError: there is no lake, or it is of an older version.
        StorageError: a check could not run.
    """
    checked_at = datetime.now(UTC)
    results = []
    checks = all_checks()
    with open_lake(settings, read_only=True, snapshot=snapshot) as lake:
        lake.execute("BEGIN")
        require_current(lake)
        lake.execute("SET VARIABLE first_day = ?", [date.min if everything else _first_unchecked_day(lake)])
        for done, check in enumerate(checks):
            if progress is not None:
                progress(check.name, done, len(checks))
            try:
                results.append(_run(lake, check))
            except duckdb.Error as error:
                raise StorageError(f"check {check.name} could not run: {redact(str(error))}") from error
    if not any(result.failed for result in results):
        transaction.write(settings, lambda lake: insert_rows(lake, "meta.check_run", [{"checked_at": checked_at}]))
    return results


def _first_unchecked_day(lake: duckdb.DuckDBPyConnection) -> date:
    """The earliest day with a load or claim since the last passed run, less an hour for transactions under way."""
    row = lake.execute(
        """
        WITH fresh AS (SELECT coalesce(max(checked_at), '-infinity') - INTERVAL 1 HOUR AS since FROM meta.check_run)
        SELECT coalesce(min(day), DATE '9999-01-01')
        FROM (
            SELECT day FROM device_day, fresh WHERE loaded_at >= since
            UNION ALL
            SELECT day FROM identity, fresh WHERE recorded_at >= since
        )
        """
    ).fetchone()
    return row[0] if row else date.min


def _run(lake: duckdb.DuckDBPyConnection, check: Check) -> CheckResult:
    found = lake.execute(f"SELECT *, count(*) OVER () AS found FROM ({check.sql}) LIMIT {SHOWN_ROWS}")  # noqa: S608
    names = [column[0] for column in found.description]
    rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    total = rows[0]["found"] if rows else 0
    for row in rows:
        del row["found"]
    return CheckResult(check.name, check.severity, check.meaning, total, rows)


def _parse(path: Path) -> Iterator[Check]:
    text = path.read_text(encoding="utf-8")
    heads = list(_HEAD.finditer(text))
    if not heads or text[: heads[0].start()].strip():
        raise ConfigurationError(f"{path} does not start with '-- check: name severity: fail|warn'")
    ends = [head.start() for head in heads[1:]] + [len(text)]
    for head, end in zip(heads, ends, strict=True):
        body = text[head.end() : end].strip()
        comments = [line[2:].strip() for line in body.splitlines() if line.startswith("--")]
        query = "\n".join(line for line in body.splitlines() if not line.startswith("--")).strip().rstrip(";")
        if not query or not comments:
            raise ConfigurationError(f"{path}: check {head['name']} needs a comment and a query")
        where = f"{path.parent.parent.name}/{path.parent.name}"
        yield Check(f"{where}.{head['name']}", Severity(head["severity"]), " ".join(comments), query)
