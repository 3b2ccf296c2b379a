"""Where a study reads: a connection in which the lake's names for people stand for something.

The lake at one snapshot, or tables in memory of the same names: assurance rows and simulated herds go through the very
steps that the lake goes through.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from herdbook.lake.attach import CONFIG, open_lake
from herdbook.lake.migrate import require_current
from herdbook.settings import Settings

_DAY = pa.timestamp("us", tz="UTC")
_S = pa.float64()
_T = pa.string()
_D = pa.date32()
SCHEMAS: dict[str, pa.Schema] = {
    "farm": pa.schema({"farm_id": _T, "timezone": _T}),
    "pen": pa.schema({"pen_id": _T, "farm_id": _T}),
    "animal": pa.schema({"animal_id": _T, "farm_id": _T, "species": _T, "sex": _T, "born_on": _D}),
    "pen_stay": pa.schema({"animal_id": _T, "pen_id": _T, "valid_from": _DAY, "valid_to": _DAY}),
    "label_current": pa.schema(
        {
            **dict.fromkeys(("label_id", "animal_id", "farm_id", "kind", "value_text", "scale", "severity"), _T),
            "value_number": _S,
            "occurred_after": _DAY,
            "occurred_day": _D,
        }
    ),
    "animal_day": pa.schema(
        {
            "animal_id": _T,
            "day": _D,
            **dict.fromkeys(("behaviour_s", "lying_s", "sitting_s", "standing_s", "sleeping_s", "walking_s"), _S),
            **dict.fromkeys(("eating_s", "drinking_s", "investigating_s", "social_s"), _S),
            "lying_bouts": pa.int64(),
            **dict.fromkeys(("distance_m", "distance_observed_s"), _S),
        }
    ),
    "tracklet": pa.schema(
        {
            **dict.fromkeys(("farm_id", "device_id", "load_id", "tracklet_id", "release_id"), _T),
            "day": _D,
            "started_at": _DAY,
            "ended_at": _DAY,
        }
    ),
    "identity": pa.schema(
        {
            **dict.fromkeys(("farm_id", "device_id", "load_id", "tracklet_id", "animal_id"), _T),
            "day": _D,
            "confidence": pa.float32(),
            "identified": pa.bool_(),
        }
    ),
    "bridge_behaviour": pa.schema(
        {
            **dict.fromkeys(("from_release_id", "to_release_id", "behaviour"), _T),
            **dict.fromkeys(("difference", "low", "high"), _S),
        }
    ),
    "ethogram": pa.schema({"behaviour": _T, "posture": _T}),
}
"""The columns that studies read, by view of the lake."""


@dataclass(frozen=True)
class Source:
    """An open connection; close it when done."""

    connection: duckdb.DuckDBPyConnection
    snapshot: int | None
    """The lake's; none in memory."""

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()


def lake_source(settings: Settings, snapshot: int) -> Source:
    """The lake as it was at a snapshot.

    Raises:
        NotInitialisedError: there is no lake, or it was of an older version then.
        NotFoundError: there is no such snapshot.
    """
    lake = open_lake(settings, read_only=True, snapshot=snapshot)
    try:
        require_current(lake)
    except BaseException:
        lake.close()
        raise
    return Source(lake, snapshot)


def memory_source(tables: Mapping[str, pa.Table]) -> Source:
    """Tables in memory.

    Args:
        tables: by the names of `SCHEMAS`, with at least its columns; those left out are empty.
    """
    connection = duckdb.connect(config=CONFIG)
    connection.execute("SET TimeZone = 'UTC'")
    for name, schema in SCHEMAS.items():
        connection.register(f"given_{name}", tables.get(name, schema.empty_table()))
        connection.execute(f"CREATE TABLE {name} AS FROM given_{name}")
        connection.unregister(f"given_{name}")
    return Source(connection, None)
