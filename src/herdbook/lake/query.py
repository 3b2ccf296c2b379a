"""One read-only query for a person: on the published file, or on the lake itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from herdbook.errors import QueryError
from herdbook.lake.attach import open_lake, redact
from herdbook.lake.published import open_published
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
        connection = open_lake(settings, read_only=True, snapshot=snapshot)
    else:
        connection = open_published(settings.published)
    with connection:
        try:
            if known_as_of is not None:
                connection.execute("SET VARIABLE known_as_of = ?", [known_as_of.isoformat()])
            statements = connection.extract_statements(sql)
            if len(statements) != 1 or statements[0].type not in _READS:
                raise QueryError("that is not one query that reads", "Give one SELECT, FROM, SHOW or DESCRIBE.")
            found = connection.execute(statements[0])
            return Answer([column[0] for column in found.description or ()], found.fetchall())
        except duckdb.Error as error:
            raise QueryError(redact(str(error))) from error
