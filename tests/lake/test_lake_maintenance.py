"""Maintenance takes away only what nobody can see, and may be run at any time, twice, or not to the end."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from herdbook.errors import InputError, NotFoundError
from herdbook.lake import maintenance
from herdbook.lake.attach import open_lake
from herdbook.lake.check import all_checks
from herdbook.lake.maintenance import compact, delete_superseded, expire_snapshots
from herdbook.lake.pins import pin, pinned_snapshot, pins, unpin
from herdbook.lake.transaction import write
from herdbook.settings import Settings
from support.lake_home import SPEC, fill_lake, load_day

SEEN = ["device_day", "tracklet", "bout", "embedding", "activity", "coverage", "identity", "pen_stay"]


def seen(settings: Settings, snapshot: int | None = None) -> dict[str, tuple[object, ...]]:
    """What people see, as counts and digests."""
    with open_lake(settings, read_only=True, snapshot=snapshot) as lake:
        return {name: lake.execute(f"SELECT count(*), bit_xor(hash(v)) FROM {name} AS v").fetchone() for name in SEEN}


def files(settings: Settings) -> list[Path]:
    return list(Path(settings.lake_data_path, "record", "bout").rglob("*.parquet"))


def age_everything(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Let snapshots and files be old enough to go."""
    monkeypatch.setattr(maintenance, "GRACE", maintenance.GRACE * -1)
    return settings.model_copy(update={"snapshot_keep_days": -1})


def test_superseded_loads_go_and_nothing_else_does(any_lake: Settings) -> None:
    fill_lake(any_lake, 1)
    load_day(any_lake, replace(SPEC, revision=2, seed=8))
    before = seen(any_lake)
    assert delete_superseded(any_lake, dry_run=True).loads == 1
    deleted = delete_superseded(any_lake)
    assert deleted.loads == 1
    assert deleted.rows > 100
    assert seen(any_lake) == before
    with open_lake(any_lake, read_only=True) as lake:
        assert lake.execute("SELECT count(DISTINCT load_id) FROM record.bout").fetchone() == (1,)
        assert lake.execute("SELECT count(*) FROM record.device_day").fetchone() == (2,), (
            "and when it was current stays"
        )
        assert lake.execute("SELECT count(*) FROM identity.claim").fetchone() == (12,), "claims are never taken away"
    assert delete_superseded(any_lake) == maintenance.Deletion(0, 0)


def test_rows_without_a_device_day_go(filled: Settings) -> None:
    write(filled, lambda lake: lake.execute("DELETE FROM record.device_day WHERE day = DATE '2026-03-02'"))
    assert delete_superseded(filled).loads == 1


def test_compaction_changes_nothing_that_is_seen(any_lake: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_lake(any_lake, 3)
    before = seen(any_lake)
    assert len(files(any_lake)) == 3
    assert compact(any_lake, dry_run=True) == maintenance.Compaction(0, 0)
    assert compact(any_lake).merged > 0
    assert seen(any_lake) == before
    old = age_everything(any_lake, monkeypatch)
    assert compact(old, dry_run=True).removed > 0
    assert seen(any_lake) == before
    assert compact(old).removed > 0
    assert len(files(any_lake)) == 1
    assert seen(any_lake) == before
    assert compact(old) == maintenance.Compaction(0, 0)


def test_files_of_transactions_that_never_committed_go_a_day_later(filled: Settings) -> None:
    orphan = files(filled)[0].with_name("orphan.parquet")
    orphan.write_bytes(b"half a file")
    compact(filled)
    assert orphan.exists(), "it may belong to a load under way"
    two_days_ago = time.time() - 2 * 86400
    os.utime(orphan, (two_days_ago, two_days_ago))
    compact(filled)
    assert not orphan.exists()


def test_old_snapshots_expire_but_for_pinned_ones_and_the_latest(
    filled: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    then = seen(filled)
    kept = pin(filled, "study-1", reason="a study")
    load_day(filled, replace(SPEC, revision=2, seed=8))
    now = seen(filled)
    assert expire_snapshots(filled) == [], "none is old"
    old = age_everything(filled, monkeypatch)
    would = expire_snapshots(old, dry_run=True)
    assert expire_snapshots(old) == would
    assert kept.snapshot_id not in would
    delete_superseded(old)
    compact(old)
    assert expire_snapshots(old)
    compact(old)
    assert seen(filled) == now
    assert seen(filled, kept.snapshot_id) == then, "the study reads what it read"
    with pytest.raises(NotFoundError, match=str(would[0])):
        open_lake(filled, snapshot=would[0])
    unpin(filled, "study-1")
    assert kept.snapshot_id in expire_snapshots(old)


def test_pins_have_one_name_each(filled: Settings) -> None:
    first = pin(filled, "a")
    assert pin(filled, "a") == first, "again is the same"
    assert pinned_snapshot(filled, "a") == first.snapshot_id
    with pytest.raises(InputError, match="'a' is the name of"):
        pin(filled, "a", snapshot=1)
    with pytest.raises(NotFoundError, match="no snapshot 999"):
        pin(filled, "b", snapshot=999)
    with pytest.raises(InputError, match="not a name"):
        pin(filled, " ")
    assert [p.name for p in pins(filled)] == ["a"]
    unpin(filled, "a")
    assert pins(filled) == []
    with pytest.raises(NotFoundError, match="'a'"):
        unpin(filled, "a")
    assert pin(filled, "a", snapshot=1).snapshot_id == 1, "a name that was let go may be used again"


def test_a_pinned_snapshot_that_is_gone_is_found(filled: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    check = next(c for c in all_checks() if c.name == "meta/pin.snapshot_kept")
    kept = pin(filled, "a", snapshot=1)
    with open_lake(filled, read_only=True) as lake:
        assert lake.execute(check.sql).fetchall() == []
    write(filled, lambda lake: lake.execute("CALL ducklake_expire_snapshots('lake', versions => [1])"))
    with open_lake(filled, read_only=True) as lake:
        assert lake.execute(check.sql).fetchall() == [("a", kept.snapshot_id)]


def test_the_whole_round_on_postgres(any_lake: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_lake(any_lake, 2)
    load_day(any_lake, replace(SPEC, revision=2))
    before = seen(any_lake)
    old = age_everything(any_lake, monkeypatch)
    delete_superseded(old)
    assert expire_snapshots(old)
    compact(old)
    assert seen(any_lake) == before
    load_day(any_lake, replace(SPEC, revision=3))
    assert seen(any_lake)["device_day"][0] == 2
