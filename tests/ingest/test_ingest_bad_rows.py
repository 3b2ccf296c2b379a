"""Rows that cannot be accepted are set aside with their reason and source; the rest lands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from device_server import Device
from ingest_cases import (
    DAY,
    SENT,
    SPEC,
    Ingest,
    landed_rows,
    rewrite,
    state_of_day,
)
from sqlalchemy import select

from herdbook.contracts.records import RecordKind
from herdbook.ledger.models import DayState, QuarantineEntry
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings
from support.device_day import record_tables, write_device_day


def replaced(column: str, row: int, value: object) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        rows = table.to_pylist()
        rows[row][column] = value
        return pa.Table.from_pylist(rows, schema=table.schema)

    return change


ROWS = record_tables(SPEC)
EXTENT_END = ROWS[RecordKind.COVERAGE]["ended_at"][0].as_py()
BAD_ROWS: dict[str, tuple[RecordKind, str, object, int]] = {
    "a bout of tomorrow": (RecordKind.BOUT, "ended_at", EXTENT_END + timedelta(seconds=1), 37),
    "a bout of no tracklet": (RecordKind.BOUT, "tracklet_id", "nobody", 39),
    "a behaviour of another ethogram": (RecordKind.BOUT, "behaviour", "ruminating", 39),
    "an unknown zone": (RecordKind.BOUT, "zone_id", "attic", 39),
    "a probability above one": (RecordKind.BOUT, "probability", 1.5, 60),
    "a probability that is no number": (RecordKind.BOUT, "probability", float("nan"), 60),
    "a vector too short": (RecordKind.EMBEDDING, "vector", [1, 2, 3], 60),
    "a vector of zeros": (RecordKind.EMBEDDING, "vector", [0] * 32, 60),
    "an infinite scale": (RecordKind.EMBEDDING, "scale", float("inf"), 60),
    "another space": (RecordKind.EMBEDDING, "space_id", "other-space", 39),
    "an unknown release": (RecordKind.EMBEDDING, "release_id", "motion-9", 39),
    "more than an hour observed": (RecordKind.ACTIVITY, "observed_s", 3700.0, 60),
    "metres without calibration": (RecordKind.ACTIVITY, "calibration_id", None, 60),
    "an unknown calibration": (RecordKind.ACTIVITY, "calibration_id", "guess", 39),
    "footage that is not offered": (RecordKind.ACTIVITY, "clip", "elsewhere.mp4", 39),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_one_bad_row_is_set_aside_and_the_rest_lands(
    settings: Settings, device: Device, ingest: Ingest, case: str
) -> None:
    kind, column, value, exit_code = BAD_ROWS[case]
    folder = write_device_day(device.root, SPEC)
    rewrite(folder, kind, replaced(column, 1, value))
    code, said = ingest()
    assert code == exit_code
    assert f"{kind.value}.parquet: 1 rows" in said
    assert landed_rows(settings) == SENT | {kind: SENT[kind] - 1}
    aside = pq.read_table(
        settings.quarantine / SPEC.device_id / DAY / "r1" / f"{kind.value}.rejected.parquet"
    ).to_pylist()
    assert [(row["source_file"], row["source_row"]) for row in aside] == [(f"{kind.value}.parquet", 1)]
    with ledger_session(settings) as session:
        entry = session.scalars(select(QuarantineEntry)).one()
    assert (entry.exit_code, entry.rows) == (exit_code, 1)
    assert (settings.quarantine / entry.path).exists()
    assert device.acknowledged


def test_duplicate_tracklet(settings: Settings, device: Device, ingest: Ingest) -> None:
    folder = write_device_day(device.root, SPEC)
    rewrite(folder, RecordKind.TRACKLET, lambda table: pa.concat_tables([table, table.slice(2, 1)]))
    code, said = ingest()
    assert code == 38
    assert "same tracklet_id" in said
    assert landed_rows(settings) == SENT, "the first is kept, and what hangs on it"


def test_what_hangs_on_a_rejected_tracklet_goes_with_it(settings: Settings, device: Device, ingest: Ingest) -> None:
    folder = write_device_day(device.root, SPEC)
    rewrite(folder, RecordKind.TRACKLET, replaced("confidence", 0, -1.0))
    code, said = ingest()
    assert code == 60
    assert "its tracklet is in quarantine" in said
    first = ROWS[RecordKind.TRACKLET]["tracklet_id"][0].as_py()
    rows = landed_rows(settings)
    for kind in (RecordKind.BOUT, RecordKind.EMBEDDING, RecordKind.ACTIVITY):
        hanging = pc.sum(pc.equal(ROWS[kind]["tracklet_id"], first)).as_py()
        assert rows[kind] == SENT[kind] - hanging


def test_every_tracklet_of_another_day(settings: Settings, device: Device, ingest: Ingest) -> None:
    def shifted(table: pa.Table) -> pa.Table:
        moved = [
            pc.add(table[name], timedelta(days=1)) if name in ("started_at", "ended_at") else table[name]
            for name in table.column_names
        ]
        return pa.table(moved, schema=table.schema)

    folder = write_device_day(device.root, SPEC)
    rewrite(folder, RecordKind.TRACKLET, shifted)
    code, _ = ingest()
    assert code == 37
    assert state_of_day(settings) is DayState.QUARANTINED
    assert not device.acknowledged, "a day that is all wrong stays on the device"
    aside = settings.quarantine / SPEC.device_id / DAY / "r1" / "tracklet.rejected.parquet"
    assert pq.read_table(aside).num_rows == SENT[RecordKind.TRACKLET]
