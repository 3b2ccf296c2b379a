"""Whatever rows a device sends, each is accepted or set aside, and what is accepted keeps the contract."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from herdbook.contracts.device_day import Manifest
from herdbook.contracts.records import RECORDS, RecordKind
from herdbook.errors import all_errors
from herdbook.ingest.sieve import REJECT_COLUMNS
from herdbook.ingest.verify import ESSENTIAL, Verified, verify_records
from support.device_day import DaySpec, record_tables, write_device_day

SPEC = DaySpec(animals=2, tracklets_per_animal=2, bouts_per_tracklet=3, embeddings_per_tracklet=1, cameras=2)
TABLES = record_tables(SPEC)
DAY_START = TABLES[RecordKind.COVERAGE]["started_at"][0].as_py()
ERRORS = {error.__name__ for error in all_errors()}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    folder = write_device_day(tmp_path_factory.mktemp("device"), SPEC)
    return Manifest.model_validate_json((folder / "manifest.json").read_bytes())


def verified(manifest: Manifest, tables: dict[RecordKind, pa.Table]) -> Verified:
    """Verify tables under a manifest that tells the truth about them."""
    raw = json.loads(manifest.model_dump_json())
    for file in raw["files"]:
        file["rows"] = tables[RecordKind(file["kind"])].num_rows
    with tempfile.TemporaryDirectory() as folder:
        for kind, table in tables.items():
            pq.write_table(table, Path(folder, f"{kind.value}.parquet"))
        return verify_records(Manifest.model_validate(raw), Path(folder))


def values(field: pa.Field) -> st.SearchStrategy[Any]:
    """Anything a column can hold, often near what it should."""
    kind = field.type
    if pa.types.is_timestamp(kind):
        moments = st.integers(-2, 27 * 60).map(lambda minutes: DAY_START + timedelta(minutes=minutes))
        plain: st.SearchStrategy[Any] = moments | st.integers(-1, 25).map(lambda h: DAY_START + timedelta(hours=h))
    elif pa.types.is_string(kind):
        known = sorted(TABLES[RecordKind.TRACKLET]["tracklet_id"].to_pylist()) + list(SPEC.camera_ids)
        plain = st.sampled_from([*known, "lying", "on", "motion-1", "", "x\n", "barn-a-1:2026-03-02:ü"])
    elif pa.types.is_integer(kind):
        plain = st.integers(-(2**31), 2**31 - 1) | st.integers(-1, 2)
    elif pa.types.is_floating(kind):
        plain = st.floats(width=32) | st.sampled_from([0.0, 0.5, 1.0, -1.0, 3600.0])
    else:
        plain = st.lists(st.integers(-128, 127), max_size=40)
    return st.none() | plain if field.nullable else plain


@st.composite
def corrupted(draw: st.DrawFn) -> dict[RecordKind, pa.Table]:
    """A good day with some cells changed, rows repeated, dropped and shuffled."""
    tables = {}
    for kind, table in TABLES.items():
        rows = table.to_pylist()
        schema = RECORDS[kind].schema
        for _ in range(draw(st.integers(0, 4))):
            field = draw(st.sampled_from(list(schema)))
            rows[draw(st.integers(0, len(rows) - 1))][field.name] = draw(values(field))
        rows += [dict(draw(st.sampled_from(rows))) for _ in range(draw(st.integers(0, 2)))]
        if draw(st.booleans()):
            rows = draw(st.permutations(rows))
        if draw(st.integers(0, 9)) == 0:
            rows = []
        tables[kind] = pa.Table.from_pylist(rows, schema=schema)
    return tables


def as_counter(*tables: pa.Table) -> Counter[str]:
    return Counter(repr(row) for table in tables for row in table.to_pylist())


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(tables=corrupted())
def test_accepted_and_quarantined_are_what_was_sent(manifest: Manifest, tables: dict[RecordKind, pa.Table]) -> None:
    result = verified(manifest, tables)
    assert not result.broken
    for kind, sent in tables.items():
        aside = result.rejected.get(kind, RECORDS[kind].schema.empty_table())
        plain = aside.drop_columns([name for name in REJECT_COLUMNS if name in aside.column_names])
        assert as_counter(result.accepted[kind], plain) == as_counter(sent)
        for row in aside.to_pylist():
            assert row["rejected_error"] in ERRORS
            assert row["rejected_reason"]
            original = sent.slice(row["source_row"], 1).to_pylist()[0]
            assert repr(original) == repr({name: row[name] for name in original}), "it says which row it was"
        assert sum(f.rows or 0 for f in result.findings if f.file == f"{kind.value}.parquet") == aside.num_rows
    for kind in ESSENTIAL:
        emptied = tables[kind].num_rows > 0 and not result.accepted[kind].num_rows
        assert (result.fatal is not None) or not emptied


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(tables=corrupted())
def test_what_is_accepted_is_accepted_again_whole(manifest: Manifest, tables: dict[RecordKind, pa.Table]) -> None:
    once = verified(manifest, tables).accepted
    again = verified(manifest, once)
    assert again.findings == []
    assert {kind: table.num_rows for kind, table in again.accepted.items()} == {k: t.num_rows for k, t in once.items()}


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(tables=corrupted())
def test_what_is_accepted_keeps_the_contract(manifest: Manifest, tables: dict[RecordKind, pa.Table]) -> None:
    accepted = verified(manifest, tables).accepted
    extent = manifest.extent
    tracklets = {row["tracklet_id"]: row for row in accepted[RecordKind.TRACKLET].to_pylist()}
    assert len(tracklets) == accepted[RecordKind.TRACKLET].num_rows
    for kind, spec in RECORDS.items():
        rows = accepted[kind].to_pylist()
        assert len({tuple(row[name] for name in spec.key) for row in rows}) == len(rows)
        for row in rows:
            if spec.end is not None:
                assert extent.start <= row[spec.start] < row[spec.end] <= extent.end
            if kind not in ESSENTIAL:
                assert row["tracklet_id"] in tracklets
            floats = [value for value in row.values() if isinstance(value, float)]
            assert all(np.isfinite(floats))
    for group, kind in (("camera_id", RecordKind.COVERAGE), ("tracklet_id", RecordKind.BOUT)):
        rows = sorted(accepted[kind].to_pylist(), key=lambda row: (row[group], row["started_at"]))
        for before, after in pairwise(rows):
            assert before[group] != after[group] or before["ended_at"] <= after["started_at"]
    for row in accepted[RecordKind.EMBEDDING].to_pylist():
        norm = np.linalg.norm(np.array(row["vector"], dtype=float)) * row["scale"]
        assert abs(norm - 1) <= 0.1 + 1e-9
        assert len(row["vector"]) == SPEC.release.dimensions
    for row in accepted[RecordKind.ACTIVITY].to_pylist():
        assert 0 <= row["observed_s"] <= 3600


def test_a_good_day_has_no_findings(manifest: Manifest) -> None:
    result = verified(manifest, TABLES)
    assert (result.findings, result.fatal, result.quarantined_rows) == ([], None, 0)
    assert all(result.accepted[kind].equals(TABLES[kind].combine_chunks()) for kind in RecordKind)


def test_an_empty_day_is_no_error(manifest: Manifest) -> None:
    """A device whose cameras were off all day says so: with coverage, or with nothing at all."""
    result = verified(manifest, {kind: spec.schema.empty_table() for kind, spec in RECORDS.items()})
    assert (result.findings, result.fatal) == ([], None)


def test_overlapping_bouts_lose_as_few_rows_as_keeping_the_earlier_ones_allows(manifest: Manifest) -> None:
    first = TABLES[RecordKind.BOUT].to_pylist()[0]
    begin, whole = first["started_at"], first["ended_at"] - first["started_at"]
    chain = [
        first | {"started_at": begin + whole * a / 10, "ended_at": begin + whole * b / 10}
        for a, b in ((0, 4), (2, 6), (4, 8), (7, 10), (8, 10))
    ]
    table = pa.Table.from_pylist(chain, schema=RECORDS[RecordKind.BOUT].schema)
    result = verified(manifest, TABLES | {RecordKind.BOUT: table})
    assert result.rejected[RecordKind.BOUT]["source_row"].to_pylist() == [1, 3]
