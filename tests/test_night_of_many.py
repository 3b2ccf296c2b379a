"""A night of many devices in which everything goes wrong: nothing is lost, and the next night makes it good."""

from __future__ import annotations

from pathlib import Path

import pytest

from herdbook.lake import maintenance
from herdbook.lake.pins import pins
from herdbook.settings import Settings
from support.bad_night import told
from support.hundred_nights import OFF, PINS, Nights, calm_content, on_postgres, twins, two_nights
from support.lake_content import lake_content, rows_as_of, without
from support.postgres import Cluster

DEVICES = 8


def failed(nights: Nights) -> set[str]:
    return {task.name for task in nights.bad.tasks if not task.done}


def pinned(settings: Settings) -> dict[str, dict[str, list[str]]]:
    """What each pin shows."""
    return {pin.name: rows_as_of(settings, pin.snapshot_id) for pin in pins(settings)}


def clear_up(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """`maintain` of a day on which all snapshots and files, orphans too, are old enough to go; what expired."""
    monkeypatch.setattr(maintenance, "GRACE", maintenance.GRACE * -1)
    old = settings.model_copy(update={"snapshot_keep_days": -1})
    maintenance.delete_superseded(old)
    maintenance.compact(old)
    expired = maintenance.expire_snapshots(old)
    maintenance.compact(old)
    return expired


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_bad_night_ends_as_a_calm_one(own_cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    devices, calm_devices = twins(tmp_path, DEVICES)
    expected = calm_content(tmp_path / "calm", calm_devices)
    assert len(expected["device_day"]) == DEVICES + 1
    assert expected["torn"] == expected["unseen"] == []

    settings = on_postgres(own_cluster, tmp_path / "home")
    nights = two_nights(settings, own_cluster, devices, workers=3, delay_s=0.5)
    print("\n".join([*nights.mischief, *told(nights.bad.tasks), str(nights.lines)]))
    assert len(nights.mischief) == 4, "a worker was killed and the database crashed, in the ingest and in the load"
    assert nights.lines["cut"] > 0
    assert len(nights.off) == OFF
    assert failed(nights) == {f"ingest {device}" for device in nights.off}
    assert without(nights.content, nights.off) == without(expected, nights.off), "what could come, came that night"
    assert nights.content["torn"] == nights.content["unseen"] == []

    assert all(task.done for task in nights.after.tasks)
    assert nights.content_after == expected
    assert nights.owed == {}

    shown = pinned(settings)
    assert [len(shown[name]["device_day"]) for name in PINS] == [1, 1 + DEVICES - OFF]
    assert clear_up(settings, monkeypatch), "most snapshots of the two nights expire"
    assert pinned(settings) == shown, "and studies of the pinned ones read what they read"
    assert lake_content(settings) == expected
