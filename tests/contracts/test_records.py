"""Record tables have exactly the contract's columns, sorted by their key."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from herdbook.contracts.records import RECORDS, RecordKind, record_table
from support.device_day import DaySpec, record_tables


@pytest.mark.parametrize("kind", RecordKind)
def test_rows_in_any_order_give_the_same_table(kind: RecordKind) -> None:
    rows = record_tables(DaySpec(cameras=2))[kind].to_pylist()
    forwards, backwards = record_table(kind, rows), record_table(kind, rows[::-1])
    assert forwards.equals(backwards)
    assert forwards.schema.equals(RECORDS[kind].schema)


@pytest.mark.parametrize("kind", RecordKind)
def test_keys_and_times_are_columns_and_instants_are_utc(kind: RecordKind) -> None:
    spec = RECORDS[kind]
    assert set(spec.key) <= set(spec.schema.names)
    for name in filter(None, (spec.start, spec.end)):
        assert spec.schema.field(name).type == pa.timestamp("us", tz="UTC")


def test_a_missing_required_value_cannot_be_written() -> None:
    row = record_tables(DaySpec())[RecordKind.TRACKLET].to_pylist()[0] | {"tracklet_id": None}
    with pytest.raises(pa.ArrowInvalid, match="non-nullable"):
        pq.write_table(record_table(RecordKind.TRACKLET, [row]), pa.BufferOutputStream())
