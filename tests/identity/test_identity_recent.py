"""Looks of the weeks before are references, as far as they were surely the animal's and of the day's own space."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb

from herdbook.contracts.device_day import ReleaseUse
from herdbook.identity.byhand import correct
from herdbook.identity.gather import gather
from herdbook.identity.match import claim_device_day, loads_of
from herdbook.identity.operations import carry_out
from herdbook.identity.words import Word
from herdbook.lake.attach import open_lake
from herdbook.lake.load import load_device_day
from herdbook.matching.evidence import References
from herdbook.settings import Settings
from support.device_day import DaySpec, land, write_device_day

DAY = DaySpec(animals=4, tracklets_per_animal=5, embeddings_per_tracklet=8)


def next_day(settings: Settings, folder: Path, **more: object) -> str:
    """Load the day after; its load."""
    spec = replace(DAY, day=date(2026, 3, 3), **more)
    return load_device_day(settings, land(folder / "landing", write_device_day(folder / "device", spec))).load_id


def references(settings: Settings, load_id: str) -> tuple[References, ...]:
    """What the load's tracklets are compared with."""
    with open_lake(settings, read_only=True) as lake:
        return gather(lake, load_id, 0.5).references


def test_yesterdays_sure_tracklets_are_references_today_and_enrolled_ones_stay(
    all_enrolled: Settings, tmp_path: Path
) -> None:
    [first] = loads_of(all_enrolled)
    claim_device_day(all_enrolled, first)
    [alone] = references(all_enrolled, first)
    assert (len(alone.animals), alone.weight) == (4, None), "a day is not compared with itself"
    second = next_day(all_enrolled, tmp_path)
    [with_yesterday] = references(all_enrolled, second)
    assert len(with_yesterday.animals) > 4
    assert set(with_yesterday.animals.tolist()) == {0, 1, 2, 3}
    assert with_yesterday.weight is not None
    assert ((with_yesterday.weight > 0) & (with_yesterday.weight <= 1)).all()


def test_what_a_person_corrected_yesterday_is_heeded_today(all_enrolled: Settings, tmp_path: Path) -> None:
    [first] = loads_of(all_enrolled)
    claim_device_day(all_enrolled, first)
    second = next_day(all_enrolled, tmp_path)
    before = sorted(references(all_enrolled, second)[0].animals.tolist())

    def nobody(lake: duckdb.DuckDBPyConnection) -> object:
        names = lake.execute("SELECT tracklet_id FROM identity WHERE animal_id = 'P1' AND method <> 'enrolment/1'")
        return correct(lake, [row[0] for row in names.fetchall()], None, Word())

    carry_out(all_enrolled, nobody)
    after = sorted(references(all_enrolled, second)[0].animals.tolist())
    assert before.count(1) > after.count(1) == 1
    assert [before.count(a) for a in (0, 2, 3)] == [after.count(a) for a in (0, 2, 3)]


def test_looks_of_another_release_never_enter(all_enrolled: Settings, tmp_path: Path) -> None:
    [first] = loads_of(all_enrolled)
    claim_device_day(all_enrolled, first)
    release = ReleaseUse(release_id="c-1", engine="compact", space_id="compact-1", dimensions=32, ethogram_id="pig-9")
    second = next_day(all_enrolled, tmp_path, release=release)
    assert [(r.space_id, len(r.animals)) for r in references(all_enrolled, second)] == [("motion-appearance-1", 4)]
