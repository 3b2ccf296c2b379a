"""A night killed with SIGKILL at any step and run again ends as a night that was let be."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

import herdbook
from herdbook import night
from herdbook.identity.enrolment import enrol
from herdbook.lake.attach import kept_open, open_lake
from herdbook.lake.definitions import Kind, of_kind
from herdbook.lake.herd_file import LAKE_ONLY
from herdbook.lake.migrate import migrate
from herdbook.ledger.days import set_day
from herdbook.ledger.migrate import upgrade
from herdbook.ledger.models import DayState, DeviceDay
from herdbook.ledger.session import ledger_session
from herdbook.roster.importer import import_roster
from herdbook.settings import Settings
from support.device_day import DaySpec, land, write_device_day
from support.kill import forked

SPEC = DaySpec(animals=3, tracklets_per_animal=8, embeddings_per_tracklet=4, device_id="barn-a-1")
STAGES = ("loading", "claiming", "reconciling", "checking", "publishing")
HOMES = 3
"""Nights, each killed once in every stage."""

ROSTER = {
    "farms": "farm_id,name,timezone\ndemo-farm,Farm,Europe/London\n",
    "pens": "pen_id,farm_id,name\ndemo-farm-pen-1,demo-farm,Pen\n",
    "devices": "device_id,farm_id\nbarn-a-1,demo-farm\nbarn-a-2,demo-farm\n",
    "animals": "animal_id,farm_id,species\n" + "".join(f"P{n},demo-farm,pig\n" for n in range(3)),
    "pen_stays": "animal_id,pen_id,valid_from\n" + "".join(f"P{n},demo-farm-pen-1,2026-01-01\n" for n in range(3)),
}
# What differs from run to run.
NAMES = {"load_id", "loaded_at", "recorded_at", "claim_id", "run_id"}


def land_day(settings: Settings, spec: DaySpec) -> None:
    """Land a device day as ingest does, in the ledger too."""
    landed = land(settings.landing, write_device_day(settings.home / "devices" / spec.device_id, spec))
    with ledger_session(settings) as session:
        key = (spec.device_id, spec.day, spec.revision)
        set_day(session, key, sha256=landed.landing.manifest_sha256, final=True, state=DayState.LANDED)


def make_home(settings: Settings) -> None:
    """A published day, all animals enrolled on it; since then it was issued again, and more days have landed."""
    migrate(settings)
    upgrade(settings)
    roster = settings.home / "roster"
    roster.mkdir()
    for name, text in ROSTER.items():
        (roster / f"{name}.csv").write_text(text)
    import_roster(settings, roster)
    for device in ("barn-a-1", "barn-a-2"):
        fleet_row(settings, device)
    land_day(settings, SPEC)
    night.load_herd(settings, publish=False).raise_errors()
    for n in range(SPEC.animals):
        enrol(settings, f"P{n}", [f"barn-a-1:{SPEC.day}:cam:{n * SPEC.tracklets_per_animal:06d}"])
    night.load_herd(settings).raise_errors()
    land_day(settings, replace(SPEC, revision=2, seed=3))
    land_day(settings, replace(SPEC, day=SPEC.day + timedelta(1)))
    land_day(settings, replace(SPEC, device_id="barn-a-2"))


def fleet_row(settings: Settings, device: str) -> None:
    from herdbook.fleet import inventory

    inventory.enrol(
        settings, device, farm_id="demo-farm", url="https://d:1", timezone="Europe/London", token=f"{device:x<32}"
    )


def run_night(pipe: Connection, settings: Settings) -> None:
    """A night that tells its steps."""
    pipe.send("ready")
    night.load_herd(settings, progress=lambda what, _done, _total: pipe.send(what.split()[0])).raise_errors()
    pipe.send("over")


def content(settings: Settings) -> dict[str, list[str]]:
    """Claims with their history, what is published, and what the ledger says."""
    found = {}
    with open_lake(settings, read_only=True) as lake:
        claims = lake.execute(
            "SELECT d.device_id, d.day, d.revision, c.* EXCLUDE (claim_id, load_id, recorded_at, run_id)"
            " FROM identity.claim c JOIN record.device_day d USING (load_id) ORDER BY ALL"
        )
        found["claims"] = [repr(row) for row in claims.fetchall()]
    with herdbook.connect(settings.published) as herd:
        for name in {d.name for d in of_kind(Kind.VIEW)} - {"embedding", *LAKE_ONLY.values()}:
            columns = [row[0] for row in herd.execute(f"DESCRIBE {name}").fetchall()]
            kept = ", ".join(f'"{column}"' for column in columns if column not in NAMES)
            rows = herd.execute(f"SELECT {kept} FROM {name}").fetchall()
            found[name] = sorted(repr([round(v, 4) if isinstance(v, float) else v for v in row]) for row in rows)
    with ledger_session(settings) as session:
        found["ledger"] = sorted(f"{d.device_id} {d.day} {d.revision} {d.state}" for d in session.query(DeviceDay))
    return found


def killed_in(settings: Settings, stage: str, delay: float) -> str | None:
    """Kill a night at a moment after it came to a stage; in which stage it was, or none where it was over before."""
    with forked(run_night, settings) as worker:
        assert worker.pipe.recv() == "ready"
        last = None
        while last not in (stage, "over"):
            last = worker.pipe.recv()
        time.sleep(delay)
        worker.kill()
        last = (worker.said() or [last])[-1]
    return None if last == "over" else last


@pytest.fixture(params=["sqlite", "postgres"])
def new_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Settings]]:
    """Settings of homes to be, on each catalog."""
    if request.param == "postgres":
        fresh_dsn: Callable[[], str] = request.getfixturevalue("new_postgres_dsn")

    def make(name: str) -> Settings:
        return Settings(home=tmp_path / name, catalog=f"postgres:{fresh_dsn()}" if request.param == "postgres" else "")

    with kept_open():
        yield make


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_night_killed_at_every_step_ends_as_one_that_was_let_be(new_settings: Callable[[str], Settings]) -> None:
    undisturbed = new_settings("undisturbed")
    make_home(undisturbed)
    night.load_herd(undisturbed).raise_errors()
    expected = content(undisturbed)
    assert len(expected["claims"]) > 48
    assert all(line.endswith("loaded") for line in expected["ledger"][-3:])

    chance = random.Random(7)
    hit: Counter[str | None] = Counter()
    for n in range(HOMES):
        settings = new_settings(f"killed-{n}")
        make_home(settings)
        for stage in STAGES:
            hit[killed_in(settings, stage, chance.uniform(0, 0.4))] += 1
        night.load_herd(settings).raise_errors()
        assert content(settings) == expected
        assert not [f for f in settings.home.iterdir() if ".part" in f.name or f.name.endswith(".wal")]
    print(f"killed: {dict(hit)}")
    assert set(STAGES) <= hit.keys()
