"""A herd as another release saw it: archived footage that was read again stands in the place of what devices sent.

The lake's own definitions are made anew in memory and filled: roster, labels and bridges as they are, records from the
release's readings (docs/adr/0132-a-reading-is-no-revision.md) as if each were its device day's load. So every view,
`animal_day` above all, means the same as in the lake. Claims are for the caller to add (`herdbook.learning.impact`).
"""

from __future__ import annotations

import duckdb

from herdbook.errors import NotFoundError
from herdbook.lake.attach import CONFIG
from herdbook.lake.definitions import Kind, of_kind
from herdbook.lake.migrate import create_people, create_tables
from herdbook.settings import Settings
from herdbook.studies.source import Source, lake_source

_AS_THEY_ARE = ("roster", "label", "bridge", "sensor")
"""Groups of tables that no release makes."""
_BESIDE = ("record.ethogram", "identity.enrolment", "identity.operation")
"""Others that hold of whatever was read: among them that one animal is another. Words about single tracklets are not:
a reading has tracklets of its own."""
_OF_LOADS = ("coverage", "tracklet", "bout", "embedding", "activity", "camera_setup", "calibration", "model_release")
_DEVICE_DAYS = """
SELECT d.* REPLACE (
    r.load_id AS load_id, r.loaded_at AS loaded_at, r.coverage_rows AS coverage_rows, r.tracklet_rows AS tracklet_rows,
    r.bout_rows AS bout_rows, r.embedding_rows AS embedding_rows, r.activity_rows AS activity_rows
)
FROM reading AS r
JOIN record.device_day AS d ON d.load_id = r.of_load_id
WHERE r.release_id = ?
"""


def reread_source(settings: Settings, snapshot: int, release: str) -> Source:
    """What a release read again, in memory, without claims.

    Raises:
        NotFoundError: there is no such snapshot, or the release has read nothing in it.
        NotInitialisedError: there is no lake.
    """
    memory = duckdb.connect(config=CONFIG)
    memory.execute("SET TimeZone = 'UTC'")
    create_tables(memory)
    create_people(memory, settings)
    with lake_source(settings, snapshot) as lake:
        days = lake.connection.execute(_DEVICE_DAYS, [release]).to_arrow_table()
        if not days.num_rows:
            memory.close()
            raise NotFoundError(
                f"snapshot {snapshot} has no footage that {release} has read again",
                "Read it with `herdbook reprocess`; `herdbook sql` shows what was read: FROM reading.",
            )
        _put(memory, "record.device_day", days)
        for definition in of_kind(Kind.TABLE):
            name = definition.qualified
            if definition.group in _AS_THEY_ARE or name in _BESIDE:
                memory.execute(f"DELETE FROM {name}")  # noqa: S608 - ours
                _put(memory, name, lake.connection.execute(f"FROM {name}").to_arrow_table())
        for kind in _OF_LOADS:
            ids = days["load_id"].to_pylist()
            rows = lake.connection.execute(f"FROM record.{kind} WHERE list_contains(?, load_id)", [ids])
            _put(memory, f"record.{kind}", rows.to_arrow_table())
    return Source(memory, snapshot)


def _put(memory: duckdb.DuckDBPyConnection, name: str, rows: object) -> None:
    memory.register("rows_to_put", rows)
    memory.execute(f"INSERT INTO {name} BY NAME FROM rows_to_put")
    memory.unregister("rows_to_put")
