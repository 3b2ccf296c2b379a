"""A lake with a few device days, a roster and claims, for tests of what comes after loading."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import duckdb

from herdbook.lake.load import LoadResult, load_device_day
from herdbook.lake.rows import insert_rows
from herdbook.lake.transaction import write
from herdbook.settings import Settings
from support.device_day import DaySpec, land, write_device_day

SPEC = DaySpec(animals=3, tracklets_per_animal=4, bouts_per_tracklet=3, cameras=2)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def load_day(settings: Settings, spec: DaySpec = SPEC) -> LoadResult:
    """Make, land and load a device day."""
    root = settings.home / "devices" / spec.device_id
    return load_device_day(settings, land(settings.landing, write_device_day(root, spec)))


def fill_roster(settings: Settings, spec: DaySpec = SPEC) -> None:
    """The farm, pen, device and animals ``a0``, ``a1``… that `claim_all` names."""
    version = {"recorded_at": LONG_AGO, "retracted": False, "source": "test"}
    pen = f"{spec.farm_id}-pen-1"

    def work(lake: duckdb.DuckDBPyConnection) -> None:
        insert_rows(lake, "roster.farm", [{"farm_id": spec.farm_id, "name": "F", "timezone": spec.timezone} | version])
        insert_rows(lake, "roster.pen", [{"pen_id": pen, "farm_id": spec.farm_id, "name": "P"} | version])
        insert_rows(lake, "roster.device", [{"device_id": spec.device_id, "farm_id": spec.farm_id} | version])
        animals = [f"a{i}" for i in range(spec.animals)]
        stay = {"pen_id": pen, "valid_from": LONG_AGO}
        insert_rows(lake, "roster.animal", [animal_row(a, spec.farm_id) | version for a in animals])
        insert_rows(lake, "roster.pen_stay", [{"animal_id": a} | stay | version for a in animals])

    write(settings, work)


def animal_row(animal: str, farm: str) -> dict[str, object]:
    """An animal of the roster, without its version."""
    return {"animal_id": animal, "farm_id": farm, "species": "pig"}


def claim_all(settings: Settings, load_id: str, spec: DaySpec = SPEC, confidence: float = 0.9) -> None:
    """Claim every tracklet of a load to be the animal that the builder of device days meant."""

    def work(lake: duckdb.DuckDBPyConnection) -> None:
        lake.execute(
            "INSERT INTO identity.claim SELECT uuid()::VARCHAR, load_id, tracklet_id,"
            " 'a' || (string_split(tracklet_id, ':')[-1]::INTEGER // ?), ?, 'test', ?, now(), 'run'"
            " FROM record.tracklet WHERE load_id = ?",
            [spec.tracklets_per_animal, confidence, spec.release.space_id, load_id],
        )

    write(settings, work)


def fill_lake(settings: Settings, days: int = 2, spec: DaySpec = SPEC) -> list[str]:
    """A roster and some claimed days in a row; their load ids."""
    fill_roster(settings, spec)
    loads = []
    for n in range(days):
        loads.append(load_day(settings, replace(spec, day=spec.day + timedelta(n))).load_id)
        claim_all(settings, loads[-1], spec)
    return loads
