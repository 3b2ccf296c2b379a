"""One read-only query for a person: on the published file, or on the lake itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from herdbook.errors import QueryError
from herdbook.lake.attach import open_lake, redact
from herdbook.lake.published import lock_down, open_published
from herdbook.settings import Settings


@dataclass(frozen=True)
class Answer:
    """Column names and rows, in the query's order."""

    columns: list[str]
    rows: list[tuple[Any, ...]]


_READS = (
    duckdb.StatementType.SELECT,
    duckdb.StatementType.EXPLAIN,
    duckdb.StatementType.RELATION,
)


def ask(
    settings: Settings,
    sql: str,
    *,
    lake: bool = False,
    snapshot: int | None = None,
    known_as_of: datetime | None = None,
) -> Answer:
    """Run one query that reads.

    Args:
        settings: where the herd is.
        sql: one statement; ``SHOW``, ``DESCRIBE``, ``SUMMARIZE`` and ``EXPLAIN`` read too.
        lake: ask the lake instead of the published file: newer, with superseded loads, and every embedding.
        snapshot: ask the lake as it was at this snapshot.
        known_as_of: what the schema ``known`` is read as of; UTC. Now when omitted.

    Raises:
        QueryError: it is not one valid query that reads.
        NotFoundError: nothing is published, or there is no such snapshot.
        NotInitialisedError: there is no lake.
    """
    if lake or snapshot is not None:
        connection = open_lake(settings, read_only=True, snapshot=snapshot, alone=True)
        lock_down(connection, beside=[f"{settings.lake_data_path.rstrip('/')}/"])
    else:
        connection = open_published(settings.published)
    with connection:
        try:
            if known_as_of is not None:
                connection.execute("SET VARIABLE known_as_of = ?", [known_as_of.isoformat()])
            statements = connection.extract_statements(sql)
            if len(statements) != 1 or statements[0].type not in _READS:
                raise QueryError("that is not one query that reads", "Give one SELECT, FROM, SHOW or DESCRIBE.")
            if lake or snapshot is not None:
                _require_reading(connection, statements[0])
            found = connection.execute(statements[0])
            return Answer([column[0] for column in found.description or ()], found.fetchall())
        except duckdb.Error as error:
            raise QueryError(redact(str(error))) from error


_PLAIN_EXPLAIN = re.compile(r"\s*explain\s+(select|from|with|values|table|show|describe|summarize)\b", re.IGNORECASE)
_ACTS = re.compile(r"DUCKLAKE_|COPY|CHECKPOINT|(QUERY|EXECUTE)$")
_READS_LAKE = {
    f"DUCKLAKE_{name}"
    for name in (
        *("SCAN", "SNAPSHOTS", "CURRENT_SNAPSHOT", "LAST_COMMITTED_SNAPSHOT", "LIST_FILES", "OPTIONS", "SETTINGS"),
        *("TABLE_INFO", "TABLE_CHANGES", "TABLE_INSERTIONS", "TABLE_DELETIONS"),
    )
}


def _require_reading(connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement) -> None:
    """Refuse a SELECT that acts: DuckLake's upkeep is table functions, which also work on a lake attached read-only.

    Its plan tells, however the function's name was come by.

    Raises:
        QueryError: it would write or remove files, or talk to the catalog's database in its own words.
    """
    if statement.type == duckdb.StatementType.EXPLAIN:
        if not _PLAIN_EXPLAIN.match(statement.query):
            raise QueryError("EXPLAIN ANALYZE runs its query, and the lake is read-only here", "Give a plain EXPLAIN.")
        return
    rows = connection.execute(f"EXPLAIN (FORMAT json)\n{statement.query}").fetchall()
    acting = sorted({name for name in _operators(json.loads(rows[0][1])) if _ACTS.search(name)} - _READS_LAKE)
    if acting:
        raise QueryError(
            f"{acting[0].lower()} does more than read, and the lake is read-only here",
            "`herdbook lake compact` looks after the lake; a query gives one SELECT on its tables.",
        )


def _operators(plan: list[dict[str, Any]]) -> Iterator[str]:
    for node in plan:
        yield str(node.get("name", "")).strip().upper()
        yield from _operators(node.get("children", []))
