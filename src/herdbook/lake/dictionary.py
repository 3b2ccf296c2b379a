"""The data dictionary: every table, view and macro with its columns, from the definitions and their metadata."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from herdbook.lake.definitions import PEOPLE, Definition, Kind, definitions
from herdbook.lake.metadata import described_columns, read_metadata
from herdbook.lake.migrate import create_people, create_tables
from herdbook.settings import Settings

_HEAD = """# Data dictionary

Generated from `sql/` by `herdbook lake dictionary`; do not edit.

What has no prefix is for people: it is in `herd.duckdb` and in the lake (`reading` in the lake only). Names with a
prefix are the append-only tables beneath; `herd.duckdb` holds their rows of current loads, and of `record.device_day`,
`identity.claim` and `identity.decision` those of superseded loads too; `label.message` and `label.sync` are in the lake
only. The schema `known` has the same views as of an instant: see `known_as_of()`. `herd.duckdb` also has a table
`published` of one row: `published_at`, the lake's `snapshot_id`, `herdbook_version`, and whether every single embedding
is in it (`embeddings`; without them there is no `embedding`).

Units: *instant* is UTC; *1* is a number without unit; null means unknown or not observed, never zero.
"""


def actual_columns() -> dict[str, dict[str, str]]:
    """Column names and types as the definitions really make them, by ``schema.name``; macros left out."""
    with duckdb.connect() as database:
        create_tables(database)
        create_people(database, Settings())
        found = database.execute(
            "SELECT schema_name || '.' || table_name, column_name, data_type FROM duckdb_columns()"
            " WHERE NOT internal ORDER BY schema_name, table_name, column_index"
        ).fetchall()
    columns: dict[str, dict[str, str]] = {}
    for name, column, kind in found:
        columns.setdefault(name, {})[column] = _short(kind)
    return columns


def render() -> str:
    """The dictionary as Markdown.

    Raises:
        ConfigurationError: metadata is absent or not valid.
    """
    actual = actual_columns()
    ordered = sorted(definitions(), key=lambda d: (d.group != PEOPLE, d.group, d.name))
    return "\n".join([_HEAD, *(line for d in ordered for line in _section(d, actual.get(d.qualified, {})))])


def _section(definition: Definition, actual: dict[str, str]) -> Iterator[str]:
    metadata = read_metadata(definition)
    title = definition.name if definition.group == PEOPLE else definition.qualified
    if definition.kind is Kind.MACRO:
        title = definition.sql.split("MACRO ", 1)[1].split(" AS", 1)[0].strip()
    yield f"## {title}\n"
    key = f" Key: {', '.join(f'`{name}`' for name in metadata.key)}." if metadata.key else ""
    yield f"*{definition.kind.value.capitalize()}, {metadata.owner}.* {metadata.grain.strip()}.{key}\n"
    yield f"{' '.join(metadata.description.split())}\n"
    described = described_columns(definition)
    if not described:
        return
    yield "| column | type | unit | meaning |\n| --- | --- | --- | --- |"
    for name in actual or described:
        column = described[name]
        kind = actual.get(name, "").lower()
        yield f"| `{name}` | {kind} | {column.unit} | {' '.join(column.description.split())} |"
    yield ""


def _short(kind: str) -> str:
    return kind.replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")
