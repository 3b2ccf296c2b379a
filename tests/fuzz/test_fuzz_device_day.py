"""A device day of any content: a manifest is valid or refused, every row sent is accepted or set aside, with why."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.contracts.device_day import FileKind, Manifest, parse_manifest
from herdbook.contracts.records import RECORDS, RecordKind
from herdbook.errors import IntegrityError
from herdbook.ingest.sieve import REJECT_COLUMNS
from herdbook.ingest.verify import verify_records
from support.device_day import DaySpec, day_file, record_tables, write_device_day
from support.fuzz import cases, ran, refused_or
from support.hostile import JUNK, places

SPEC = DaySpec(animals=2, tracklets_per_animal=2, bouts_per_tracklet=2, clips=1, clip_bytes=64)
TABLES = record_tables(SPEC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_device_day(tmp_path_factory.mktemp("device"), SPEC)


@cases(short=150, nightly=15_000)
@given(data=st.data())
def test_any_manifest_is_one_or_refused_with_a_reason(folder: Path, data: st.DataObject) -> None:
    ran("manifests: any value in any place")
    document = json.loads((folder / "manifest.json").read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        place, key = data.draw(st.sampled_from(places(document)))
        if data.draw(st.booleans()):
            place[key] = data.draw(JUNK)
        elif isinstance(place, dict):
            place[data.draw(st.text(max_size=5))] = place.pop(key)
        else:
            place.append(data.draw(st.sampled_from(place)) if data.draw(st.booleans()) else place.pop(key))
    judged(json.dumps(document).encode())


@cases(short=100, nightly=5_000)
@given(data=st.data())
def test_any_bytes_are_a_manifest_or_refused(folder: Path, data: st.DataObject) -> None:
    ran("manifests: any bytes")
    raw = (folder / "manifest.json").read_bytes()
    at = data.draw(st.integers(0, len(raw)))
    judged(data.draw(st.sampled_from([b"", raw[:at]])) + data.draw(st.binary(max_size=30)) + raw[at + 1 :])


def judged(raw: bytes) -> None:
    manifest = refused_or(lambda: parse_manifest(raw))
    if manifest is not None:
        assert parse_manifest(manifest.to_bytes()) == manifest
        assert manifest.extent.start < manifest.extent.end


@cases(short=60, nightly=5_000)
@given(data=st.data())
def test_every_row_sent_is_accepted_or_set_aside(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    ran("records: values, rows and columns of Parquet files")
    tables = dict(TABLES)
    for _ in range(data.draw(st.integers(1, 3))):
        kind = data.draw(st.sampled_from(list(RecordKind)))
        tables[kind] = changed(tables[kind], data)
    place = tmp_path_factory.mktemp("day", numbered=True)
    try:
        manifest = written(folder, place, tables)
        accounted(manifest, place, {kind: table.num_rows for kind, table in tables.items()})
    finally:
        shutil.rmtree(place)


@cases(short=40, nightly=4_000)
@given(data=st.data())
def test_a_file_of_any_bytes_is_set_aside_whole_or_read(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    ran("records: damaged Parquet files")
    place = tmp_path_factory.mktemp("day", numbered=True)
    try:
        manifest = written(folder, place, TABLES)
        path = place / f"{data.draw(st.sampled_from(list(RecordKind))).value}.parquet"
        raw = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(raw[: data.draw(st.sampled_from([len(raw), len(raw), len(raw) // 2, 0]))])
        accounted(manifest, place, {kind: table.num_rows for kind, table in TABLES.items()})
    finally:
        shutil.rmtree(place)


def written(folder: Path, place: Path, tables: dict[RecordKind, pa.Table]) -> Manifest:
    """The files of a day, and a manifest that tells the truth about them."""
    document = json.loads((folder / "manifest.json").read_bytes())
    files = [file for file in document["files"] if file["kind"] in ("clip", "boxes")]
    for kind, table in tables.items():
        name = f"{kind.value}.parquet"
        pq.write_table(table, place / name)
        files.append(day_file(place, FileKind(kind.value), name).model_dump(mode="json"))
    document["files"] = files
    return Manifest.model_validate_json(json.dumps(document))


def accounted(manifest: Manifest, place: Path, sent: dict[RecordKind, int]) -> None:
    """Every row is in one place, and what was accepted is what the contract says."""
    verified = verify_records(manifest, place)
    for kind in RecordKind:
        accepted, rejected = verified.accepted[kind], verified.rejected.get(kind)
        if kind in verified.broken:
            assert isinstance(verified.broken[kind], IntegrityError)
            assert accepted.num_rows == 0
        else:
            assert accepted.num_rows + (rejected.num_rows if rejected is not None else 0) == sent[kind]
        assert accepted.schema.equals(RECORDS[kind].schema, check_metadata=False)
        if rejected is not None:
            assert rejected.num_rows
            assert all(rejected[name].null_count == 0 for name in REJECT_COLUMNS)
    assert bool(verified.rejected or verified.broken) == bool(verified.findings)
    assert all("\n" not in finding.message for finding in verified.findings)


def changed(table: pa.Table, data: st.DataObject) -> pa.Table:
    """The table with something wrong: cells, rows, or columns."""
    how = data.draw(st.sampled_from(["cells", "cells", "cells", "rows", "columns"]))
    if how == "rows":
        rows = st.integers(0, max(table.num_rows - 1, 0))
        taken = data.draw(st.lists(rows, max_size=2 * table.num_rows)) if table.num_rows else []
        return table.take(pa.array(taken, pa.int64()))
    name = data.draw(st.sampled_from(table.column_names))
    index = table.column_names.index(name)
    if how == "columns":
        odd = data.draw(st.sampled_from(["drop", "rename", "cast", "nullable"]))
        if odd == "drop":
            return table.drop_columns([name])
        if odd == "rename":
            return table.rename_columns(
                [data.draw(st.text(max_size=5)) if n == name else n for n in table.column_names]
            )
        values = listed(table[name])
        if odd == "cast":
            return table.set_column(index, name, pa.array([str(value) for value in values], pa.large_string()))
        return table.set_column(index, pa.field(name, table.schema.field(name).type, nullable=True), table[name])
    kind = table.schema.field(name).type
    values = listed(table[name])
    for row in data.draw(st.lists(st.integers(0, max(len(values) - 1, 0)), max_size=3)) if values else []:
        values[row] = data.draw(cell(kind))
    field = table.schema.field(name)
    field = field.with_nullable(nullable=field.nullable or None in values)
    return table.set_column(index, field, pa.array(values, kind))


def listed(column: pa.ChunkedArray) -> list[Any]:
    """A column's values; instants as the numbers they are, since few of those are dates that Python knows."""
    return (column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column).to_pylist()  # type: ignore[no-any-return]


def cell(kind: pa.DataType) -> st.SearchStrategy[Any]:
    """Any value that a column's type can hold, null among them."""
    if pa.types.is_timestamp(kind):
        some: st.SearchStrategy[Any] = st.integers(-(2**63), 2**63 - 1)
    elif pa.types.is_floating(kind):
        some = st.floats(width=64 if pa.types.is_float64(kind) else 32)
    elif pa.types.is_integer(kind):
        bits = kind.bit_width
        some = st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        # Arrow writes no null where the type has room for none.
        values = cell(kind.value_type)
        some = st.lists(values if kind.value_field.nullable else values.filter(lambda v: v is not None), max_size=40)
    else:
        some = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(["..", "x" * 300, "on", "\0"])
    return st.none() | some


def test_the_days_own_rows_are_all_accepted(folder: Path) -> None:
    manifest = parse_manifest((folder / "manifest.json").read_bytes())
    verified = verify_records(manifest, folder)
    assert not verified.findings
    assert {kind: table.num_rows for kind, table in verified.accepted.items()} == {
        kind: table.num_rows for kind, table in TABLES.items()
    }
    assert np.all([table.num_rows for table in TABLES.values()])
