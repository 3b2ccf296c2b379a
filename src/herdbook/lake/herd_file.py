"""What goes into a published database: the current loads and people's views, the expensive ones worked out.

Of superseded loads only the claims go in, and the ``device_day`` row that says when they were current.

Days are independent of each other: a day whose inputs did not change since the file was last written is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from importlib.metadata import version

import duckdb

from herdbook.lake.attach import quoted
from herdbook.lake.definitions import KNOWN, Kind, of_kind
from herdbook.lake.metadata import described_columns, read_metadata
from herdbook.lake.migrate import create_people, create_tables, definitions_digest
from herdbook.settings import Settings

Progress = Callable[[int, int], None]
"""Told how many days are done, of how many."""

WORKED_OUT = (
    "animal_seen",
    "animal_timeline",
    "animal_hour",
    "animal_presence",
    "animal_day_behaviour",
    "animal_day",
    "animal_embedding_day",
)
"""Views that become tables, in the order in which they read each other."""

_ROWS_AT_ONCE = 2_000_000
"""Days are worked out together up to about so many bouts, which bounds memory."""

HISTORY = ("record.device_day", "identity.claim", "identity.decision")
"""Tables of which the rows of superseded loads go in too, for `identity_known_as_of`."""

LAKE_ONLY = {"record.reading": "reading", "label.message": None, "label.sync": None}
"""Tables that do not go in, each with its view if it has one: what was read here again is compared in the lake, and
messages of farms' systems hold more than people need, the names of persons among it."""

# A day's inputs: its loads, their claims, what people said of them, who stayed in the pens, which cameras hung there.
_FINGERPRINTS = """
WITH days AS (
    SELECT
        day, min(starts_at) AS starts_at, max(ends_at) AS ends_at, sum(bout_rows + tracklet_rows) AS weight,
        md5(string_agg(load_id, ',' ORDER BY load_id)) AS loads
    FROM lake.record.device_day
    GROUP BY day
),
claims AS (
    SELECT d.day, concat(count(*), ':', bit_xor(hash(c))) AS claims
    FROM lake.identity.claim AS c JOIN lake.record.device_day AS d USING (load_id)
    GROUP BY d.day
),
decisions AS (
    SELECT d.day, concat(count(*), ':', bit_xor(hash(x, u.undoes))) AS decisions
    FROM lake.identity.decision AS x
    JOIN lake.record.device_day AS d USING (load_id)
    LEFT JOIN lake.identity.operation AS u ON u.undoes = x.operation_id
    GROUP BY d.day
),
stays AS (
    SELECT d.day, concat(count(*), ':', bit_xor(hash(s))) AS stays
    FROM days AS d
    JOIN lake.main.pen_stay AS s ON s.valid_from < d.ends_at AND coalesce(s.valid_to, d.ends_at) > d.starts_at
    GROUP BY d.day
),
cameras AS (SELECT concat(count(*), ':', bit_xor(hash(c))) AS cameras FROM lake.main.camera AS c)
SELECT day, concat_ws('/', loads, claims, decisions, stays, cameras) AS fingerprint, weight
FROM days LEFT JOIN claims USING (day) LEFT JOIN decisions USING (day) LEFT JOIN stays USING (day) CROSS JOIN cameras
"""


def digest(settings: Settings, *, embeddings: bool) -> str:
    """Files of another digest are written anew."""
    return f"{definitions_digest(settings)}/{duckdb.__version__}/{'embeddings' if embeddings else ''}"


def fill(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    *,
    embeddings: bool,
    fresh: bool,
    progress: Progress | None = None,
) -> None:
    """Bring the attached database ``herd`` up to the attached ``lake``, in one transaction.

    Args:
        connection: holds ``lake`` and ``herd``.
        settings: those of the lake.
        embeddings: whether every single embedding goes in.
        fresh: ``herd`` is empty; otherwise it was filled with the same `digest`.
        progress: told after each group of days.
    """
    connection.execute("USE herd")
    connection.execute("BEGIN")
    if fresh:
        _make(connection, settings, embeddings=embeddings)
    by_load, whole = _tables(embeddings=embeddings)
    for table in whole:
        connection.execute(f"DELETE FROM herd.{table}")  # noqa: S608 - our own names, here and below
        connection.execute(f"INSERT INTO herd.{table} SELECT * FROM lake.{table}")  # noqa: S608
    groups = list(_groups(connection))
    total, done = sum(len(days) for days in groups), 0
    for days in groups:
        span = f"BETWEEN DATE '{days[0]}' AND DATE '{days[-1]}'"
        _forget(connection, by_load, span)
        _copy(connection, by_load, span)
        for name in WORKED_OUT:
            _work_out(connection, name, span)
        done += len(days)
        if progress is not None:
            progress(done, total)
    _sign(connection, settings, embeddings=embeddings)
    connection.execute("COMMIT")


def _make(herd: duckdb.DuckDBPyConnection, settings: Settings, *, embeddings: bool) -> None:
    create_tables(herd)
    create_people(herd, settings)
    for name in WORKED_OUT:
        herd.execute(f"CREATE TABLE worked_out AS FROM {name} LIMIT 0")
        herd.execute(f"DROP VIEW {name}")
        herd.execute(f"ALTER TABLE worked_out RENAME TO {name}")
    for table, view in LAKE_ONLY.items():
        herd.execute((f"DROP VIEW {view}; DROP VIEW IF EXISTS known.{view}; " if view else "") + f"DROP TABLE {table}")
    if not embeddings:  # absent, so that a query says so instead of finding none
        herd.execute("DROP VIEW known.animal_embedding_day; DROP VIEW known.embedding; DROP VIEW embedding")
        herd.execute("DROP TABLE record.embedding")
    herd.execute("CREATE TABLE meta.published_day (day DATE, fingerprint VARCHAR)")
    herd.execute(
        "CREATE TABLE published"
        " (published_at TIMESTAMPTZ, snapshot_id BIGINT, herdbook_version VARCHAR, embeddings BOOLEAN, digest VARCHAR)"
    )
    _describe(herd)


def _describe(herd: duckdb.DuckDBPyConnection) -> None:
    """Give tables, views and columns the comments that database tools show."""
    found = herd.execute(
        "SELECT schema_name || '.' || table_name, 'TABLE' FROM duckdb_tables() WHERE database_name = 'herd'"
        " UNION ALL SELECT schema_name || '.' || view_name, 'VIEW' FROM duckdb_views() WHERE database_name = 'herd'"
    )
    kinds = dict(found.fetchall())
    for definition in of_kind(Kind.TABLE, Kind.VIEW):
        as_known = f"{KNOWN}.{definition.name}" if definition.kind is Kind.VIEW else None
        for name in (definition.qualified, as_known):
            if name not in kinds:
                continue
            metadata = read_metadata(definition)
            grain = quoted(f"{metadata.grain}. {' '.join(metadata.description.split())}")
            herd.execute(f"COMMENT ON {kinds[name]} {name} IS {grain}")
            for column, described in described_columns(definition).items():
                comment = quoted(f"{described.description} [{described.unit}]")
                herd.execute(f'COMMENT ON COLUMN {name}."{column}" IS {comment}')


def _tables(*, embeddings: bool) -> tuple[list[str], list[str]]:
    """Tables that are copied day by day, ``record.device_day`` last, and small ones that are copied whole."""
    tables = {t.qualified: t for t in of_kind(Kind.TABLE) if embeddings or t.qualified != "record.embedding"}
    tables = {name: t for name, t in tables.items() if name not in LAKE_ONLY}
    by_load = [name for name, t in tables.items() if "load_id" in described_columns(t) and name != "identity.run"]
    by_load.sort(key="record.device_day".__eq__)
    return by_load, [name for name in tables if name not in by_load]


def _groups(connection: duckdb.DuckDBPyConnection) -> Iterator[list[date]]:
    """Days whose inputs changed since the file was last written, neighbours together while they are small."""
    query = (
        "SELECT day, n.fingerprint IS DISTINCT FROM o.fingerprint, coalesce(weight, 0)"  # noqa: S608
        f" FROM ({_FINGERPRINTS}) AS n FULL JOIN herd.meta.published_day AS o USING (day) ORDER BY day"
    )
    group: list[date] = []
    size = 0
    for day, changed, weight in connection.execute(query).fetchall():
        if group and (not changed or size + weight > _ROWS_AT_ONCE):
            yield group
            group, size = [], 0
        if changed:
            group.append(day)
            size += weight
    if group:
        yield group


def _forget(connection: duckdb.DuckDBPyConnection, by_load: list[str], span: str) -> None:
    for table in by_load:
        connection.execute(
            f"DELETE FROM herd.{table} WHERE load_id IN"  # noqa: S608
            f" (SELECT load_id FROM herd.record.device_day WHERE day {span})"
        )
    for name in WORKED_OUT:
        connection.execute(f"DELETE FROM herd.main.{name} WHERE day {span}")  # noqa: S608


def _copy(connection: duckdb.DuckDBPyConnection, by_load: list[str], span: str) -> None:
    for table in by_load:
        loads = "record" if table in HISTORY else "main"
        connection.execute(
            f"INSERT INTO herd.{table} SELECT r.* FROM lake.{table} AS r"  # noqa: S608
            f" JOIN lake.{loads}.device_day AS d USING (load_id) WHERE d.day {span} ORDER BY load_id"
        )


def _work_out(connection: duckdb.DuckDBPyConnection, name: str, span: str) -> None:
    view = next(d for d in of_kind(Kind.VIEW) if d.name == name)
    # Within herd the query reads what was worked out before it; single embeddings are in the lake only.
    source = "lake.main.animal_embedding_day" if name == "animal_embedding_day" else f"({view.query})"
    connection.execute(
        f"INSERT INTO herd.main.{name} SELECT * FROM {source} AS q WHERE day {span}"  # noqa: S608
        " ORDER BY day, farm_id, animal_id"
    )


def _sign(connection: duckdb.DuckDBPyConnection, settings: Settings, *, embeddings: bool) -> None:
    connection.execute("DELETE FROM herd.meta.published_day")
    connection.execute(
        f"INSERT INTO herd.meta.published_day SELECT day, fingerprint FROM ({_FINGERPRINTS})"  # noqa: S608
    )
    connection.execute("DELETE FROM herd.main.published")
    connection.execute(
        "INSERT INTO herd.main.published SELECT ?, id, ?, ?, ? FROM lake.current_snapshot()",
        [datetime.now(UTC), version("herdbook"), embeddings, digest(settings, embeddings=embeddings)],
    )
