"""The append-only label table: what a source says now, and new versions of it. The latest ``received_at`` wins."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa

Label = dict[str, Any]
"""One version's columns, times in UTC."""

_TIME = pa.timestamp("us", tz="UTC")
SAID = pa.schema(
    [
        pa.field("label_id", pa.string()),
        pa.field("animal_id", pa.string()),
        pa.field("farm_id", pa.string()),
        pa.field("kind", pa.string()),
        pa.field("value_number", pa.float64()),
        pa.field("value_text", pa.string()),
        pa.field("scale", pa.string()),
        pa.field("unit", pa.string()),
        pa.field("site", pa.string()),
        pa.field("severity", pa.string()),
        pa.field("occurred_after", _TIME),
        pa.field("occurred_by", _TIME),
        pa.field("recorded_at", _TIME),
        pa.field("retracted", pa.bool_()),
        pa.field("observer", pa.string()),
        pa.field("source", pa.string()),
        pa.field("source_id", pa.string()),
    ]
)
"""What a source says of a fact. Two versions that agree in these are the same version."""

_LATEST = "QUALIFY row_number() OVER (PARTITION BY label_id ORDER BY received_at DESC) = 1"


def record_of(label: Label) -> str:
    """The record that made a label, where one record makes several: their source ids are ``<record>/<part>``."""
    return str(label["source_id"]).rpartition("/")[0]


def current_labels(
    lake: duckdb.DuckDBPyConnection, source: str, farm_id: str, records: Collection[str] | None = None
) -> dict[str, Label]:
    """The latest version of every label of a source on a farm, retracted ones too, by label id.

    Args:
        lake: an open lake.
        source, farm_id: whose.
        records: only labels that these records made; all when none.
    """
    among = "" if records is None else "AND regexp_replace(source_id, '/[^/]*$', '') IN (SELECT unnest(?)) "
    found = lake.execute(
        f"SELECT {', '.join(SAID.names)} FROM label.label WHERE source = ? AND farm_id = ? {among}{_LATEST}",  # noqa: S608
        [source, farm_id, *([] if records is None else [list(records)])],
    ).fetchall()
    rows = [dict(zip(SAID.names, map(_plain, line), strict=True)) for line in found]
    return {row["label_id"]: row for row in rows}


def life_events(lake: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str, datetime]]:
    """Label id, animal, kind and time of every death, departure and arrival that holds now."""
    return lake.execute(
        "SELECT label_id, animal_id, kind, occurred_by FROM (SELECT * FROM label.label "  # noqa: S608
        f"WHERE kind IN ('death', 'departure', 'arrival') {_LATEST}) WHERE NOT retracted ORDER BY label_id"
    ).fetchall()


def append_labels(
    lake: duckdb.DuckDBPyConnection, labels: Sequence[Label], *, import_id: str, received_at: datetime
) -> None:
    """Append versions, later than every version there is, even if our clock was set back meanwhile."""
    if not labels:
        return
    last = lake.execute("SELECT max(received_at) FROM label.label").fetchone()
    if last is not None and last[0] is not None:
        received_at = max(received_at, last[0] + timedelta(microseconds=1))
    incoming = pa.Table.from_pylist(list(labels), schema=SAID)
    lake.register("incoming_labels", incoming)
    lake.execute(
        "INSERT INTO label.label BY NAME SELECT *, ?::TIMESTAMPTZ AS received_at, ? AS import_id FROM incoming_labels",
        [received_at, import_id],
    )
    lake.unregister("incoming_labels")


def _plain(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) else value
