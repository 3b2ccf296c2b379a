"""A device day loads all or nothing, and loading it twice changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from herdbook.contracts.codes import levels
from herdbook.contracts.digest import sha256_of
from herdbook.contracts.landed_day import LandedDay
from herdbook.contracts.records import RecordKind
from herdbook.errors import LandedDayError, NotInitialisedError
from herdbook.lake import load as load_module
from herdbook.lake.attach import open_lake
from herdbook.lake.load import LoadState, load_device_day
from herdbook.lake.transaction import write
from herdbook.settings import Settings
from support.device_day import DaySpec, land, write_device_day

SPEC = DaySpec(cameras=2)


def landed(settings: Settings, spec: DaySpec = SPEC) -> LandedDay:
    return land(settings.landing, write_device_day(settings.home / "devices" / spec.device_id, spec))


@contextmanager
def reading(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_lake(settings, read_only=True) as lake:
        yield lake


def counts(settings: Settings, prefix: str = "") -> dict[str, int]:
    tables = [kind.value for kind in RecordKind] + ["camera_setup", "calibration", "model_release", "device_day"]
    with reading(settings) as lake:
        return {t: lake.execute(f"SELECT count(*) FROM {prefix}{t}").fetchone()[0] for t in tables}


def kept_in_four_bits(stored: pa.Table, sent: pa.Table) -> None:
    """Of what devices send in 8 bits the nearest of 15 levels is kept, and length 1 (docs/adr/0252)."""
    for kept, given in zip(stored.to_pylist(), sent.to_pylist(), strict=True):
        vector, original = np.array(kept["vector"]), np.array(given["vector"])
        assert np.abs(vector - original * levels(4) / np.abs(original).max()).max() <= 0.5
        assert np.linalg.norm(vector) * kept["scale"] == pytest.approx(1)


def test_every_accepted_row_is_there_under_the_load(any_lake: Settings) -> None:
    day = landed(any_lake)
    result = load_device_day(any_lake, day)
    assert result.loaded
    assert result.rows == sum(day.landing.rows.values())
    with reading(any_lake) as lake:
        for kind in RecordKind:
            expected = pq.read_table(day.record_path(kind))
            stored = lake.execute(
                f"SELECT * EXCLUDE load_id FROM record.{kind.value} WHERE load_id = ?", [result.load_id]
            ).to_arrow_table()
            assert stored.column_names == expected.column_names
            key = [
                (name, "ascending")
                for name in expected.column_names
                if name in ("tracklet_id", "started_at", "at", "hour", "camera_id")
            ]
            stored, expected = stored.sort_by(key), expected.sort_by(key)
            if kind is RecordKind.EMBEDDING:
                kept_in_four_bits(stored, expected)
                stored, expected = (table.drop_columns(["vector", "scale"]) for table in (stored, expected))
            assert stored.to_pylist() == expected.to_pylist()
    assert counts(any_lake) == {k.value: n for k, n in day.landing.rows.items()} | {
        "camera_setup": 2, "calibration": 2, "model_release": 1, "device_day": 1,
    }  # fmt: skip


def test_loading_twice_is_loading_once(any_lake: Settings) -> None:
    day = landed(any_lake)
    first = load_device_day(any_lake, day)
    before = counts(any_lake, "record.")
    second = load_device_day(any_lake, day)
    assert (second.state, second.load_id, second.rows) == (LoadState.ALREADY_CURRENT, first.load_id, 0)
    assert counts(any_lake, "record.") == before


def test_a_reissued_day_replaces_the_old_one_for_every_reader(any_lake: Settings) -> None:
    load_device_day(any_lake, landed(any_lake))
    newer = landed(any_lake, replace(SPEC, revision=2, animals=3))
    assert load_device_day(any_lake, newer).loaded
    seen = counts(any_lake)
    assert seen["tracklet"] == newer.landing.rows[RecordKind.TRACKLET]
    assert seen["device_day"] == 1
    assert counts(any_lake, "record.")["device_day"] == 2


def test_an_older_revision_is_reported_and_left_out(settings: Settings) -> None:
    older = landed(settings)
    current = load_device_day(settings, landed(settings, replace(SPEC, revision=2)))
    result = load_device_day(settings, older)
    assert (result.state, result.load_id, result.revision) == (LoadState.SUPERSEDED, current.load_id, 2)


def test_a_day_with_other_accepted_rows_is_loaded_anew(settings: Settings) -> None:
    """Ingest may accept more of the same revision later: a file that failed to arrive whole, for example."""
    day = landed(settings)
    load_device_day(settings, day)
    path = day.record_path(RecordKind.BOUT)
    pq.write_table(pq.read_table(path).slice(1), path)
    fewer = day.landing.rows | {RecordKind.BOUT: day.landing.rows[RecordKind.BOUT] - 1}
    digests = day.landing.sha256 | {RecordKind.BOUT: sha256_of(path)}
    landing = day.landing.model_copy(update={"rows": fewer, "sha256": digests, "quarantined_rows": 1})
    again = day.model_copy(update={"landing": landing})
    assert load_device_day(settings, again).loaded
    assert counts(settings)["bout"] == fewer[RecordKind.BOUT]


def test_days_and_devices_stand_beside_each_other(settings: Settings) -> None:
    specs = [SPEC, replace(SPEC, day=SPEC.day.replace(day=3)), replace(SPEC, device_id="barn-a-2")]
    for spec in specs:
        load_device_day(settings, landed(settings, spec))
    assert counts(settings)["device_day"] == 3


def test_a_clock_that_went_back_does_not_hide_the_new_load(settings: Settings) -> None:
    day = landed(settings)
    first = load_device_day(settings, day)
    write(settings, lambda lake: lake.execute("UPDATE record.device_day SET loaded_at = loaded_at + INTERVAL 1 YEAR"))
    changed = day.model_copy(update={"landing": day.landing.model_copy(update={"quarantined_rows": 7})})
    second = load_device_day(settings, changed)
    with reading(settings) as lake:
        assert lake.execute("SELECT load_id FROM device_day").fetchall() == [(second.load_id,)]
    assert second.load_id != first.load_id


def test_a_load_that_fails_half_way_leaves_nothing(any_lake: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr(load_module, "append_manifest", fail)
    with pytest.raises(RuntimeError, match="power cut"):
        load_device_day(any_lake, landed(any_lake))
    assert not any(counts(any_lake, "record.").values())


def first_other(table: pa.Table) -> pa.Table:
    """As many rows, the first of them in place of the second."""
    return table.take([0, 0, *range(2, table.num_rows)])


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: pq.write_table(pq.read_table(path).slice(1), path),
        lambda path: pq.write_table(first_other(pq.read_table(path)), path),
        lambda path: pq.write_table(pq.read_table(path).drop_columns(["behaviour"]), path),
        lambda path: path.write_bytes(path.read_bytes()[:-9]),
        lambda path: path.write_bytes(path.read_bytes()[:200] + b"\0" + path.read_bytes()[201:]),
        lambda path: path.unlink(),
    ],
    ids=["fewer rows", "another row", "other columns", "cut short", "one byte", "gone"],
)
def test_files_that_changed_since_they_landed_are_refused(settings: Settings, damage: Callable[[Path], None]) -> None:
    day = landed(settings)
    damage(day.record_path(RecordKind.BOUT))
    with pytest.raises(LandedDayError, match=r"bout\.parquet (was altered|is gone) since") as caught:
        load_device_day(settings, day)
    assert "herdbook ingest DEVICE DAY" in caught.value.remedy
    assert not any(counts(settings, "record.").values())


def test_without_a_lake_there_is_a_remedy(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with pytest.raises(NotInitialisedError) as caught:
        load_device_day(settings, landed(settings))
    assert "herdbook init" in caught.value.remedy
