"""Claims in the lake: of current loads, by what is enrolled now, appended and never overwritten."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from herdbook.contracts.device_day import ReleaseUse
from herdbook.errors import InputError, NotFoundError
from herdbook.identity.enrolment import enrol, enrolled, unenrol
from herdbook.identity.match import ClaimResult, claim_device_day, loads_of
from herdbook.identity.pending import unmatched_loads
from herdbook.lake.load import load_device_day
from herdbook.lake.transaction import write
from herdbook.roster.importer import import_roster
from herdbook.settings import Settings
from support.device_day import DaySpec, land, write_device_day
from support.queries import lake_rows

DAY = DaySpec(animals=4, tracklets_per_animal=5, embeddings_per_tracklet=8)


def tracklet(animal: int, number: int, day: str = "2026-03-02") -> str:
    """The id of an animal's n-th tracklet, as `support.device_day` names it."""
    return f"barn-a-1:{day}:cam:{animal * 5 + number:06d}"


def claim(settings: Settings) -> ClaimResult:
    """Claim the one loaded day."""
    [load_id] = loads_of(settings)
    return claim_device_day(settings, load_id)


def claims(settings: Settings) -> dict[str, tuple[str | None, float, str]]:
    """The claims that hold, by tracklet."""
    rows = lake_rows(settings, "SELECT tracklet_id, animal_id, confidence, method FROM identity")
    return {t: (a, c, m) for t, a, c, m in rows}


def test_without_enrolment_every_tracklet_is_certainly_none_of_the_enrolled(loaded: Settings) -> None:
    done = claim(loaded)
    assert (done.tracklets, done.claimed, done.appended) == (20, 0, 20)
    assert set(claims(loaded).values()) == {(None, 1.0, "appearance-exclusion/2")}


def test_enrolled_animals_get_their_other_tracklets(all_enrolled: Settings) -> None:
    done = claim(all_enrolled)
    assert (done.claimed, done.identified) == (20, 20)
    held = claims(all_enrolled)
    for animal in range(4):
        assert held[tracklet(animal, 0)] == (f"P{animal}", 1.0, "enrolment/1"), "what a person said is certain"
        assert {held[tracklet(animal, n)][0] for n in range(5)} == {f"P{animal}"}


def test_claiming_again_adds_nothing_and_a_new_enrolment_adds_to_history(loaded: Settings) -> None:
    enrol(loaded, "P0", [tracklet(0, 0)])
    first = claim(loaded)
    assert first.appended == 20
    assert claim(loaded).appended == 0
    enrol(loaded, "P1", [tracklet(1, 0)])
    assert claim(loaded).appended > 0
    history = lake_rows(loaded, f"SELECT animal_id FROM identity.claim WHERE tracklet_id = '{tracklet(1, 3)}' "
                                "ORDER BY recorded_at")  # fmt: skip
    assert history == [(None,), ("P1",)]


def test_an_enrolment_that_is_taken_back_no_longer_counts(loaded: Settings) -> None:
    enrol(loaded, "P0", [tracklet(0, 0)])
    claim(loaded)
    [gone] = unenrol(loaded, "P0")
    assert (gone.tracklet_id, gone.references) == (tracklet(0, 0), 8)
    claim(loaded)
    assert {animal for animal, _, _ in claims(loaded).values()} == {None}
    assert enrolled(loaded) == []
    enrol(loaded, "P0", [tracklet(0, 0)])
    assert [e.tracklet_id for e in enrolled(loaded)] == [tracklet(0, 0)], "and it may be said again"


def test_enrolling_twice_is_enrolling_once(loaded: Settings) -> None:
    assert enrol(loaded, "P0", [tracklet(0, 0), tracklet(0, 0)]) == enrol(loaded, "P0", [tracklet(0, 0)])
    assert lake_rows(loaded, "SELECT count(*) FROM identity.enrolment") == [(8,)]


def test_only_animals_that_stay_in_the_pen_are_claimed(all_enrolled: Settings, tmp_path: Path) -> None:
    (tmp_path / "pen_stays.csv").write_text(
        "animal_id,pen_id,valid_from,valid_to\nP1,demo-farm-pen-1,2026-01-01,2026-02-01\n", encoding="utf-8"
    )
    import_roster(all_enrolled, tmp_path / "pen_stays.csv")
    claim(all_enrolled)
    assert {animal for animal, _, _ in claims(all_enrolled).values()} == {"P0", "P2", "P3", None}


def test_a_reissued_day_whose_tracklet_is_another_animal_is_not_bound_by_the_enrolment(
    loaded: Settings, tmp_path: Path
) -> None:
    enrol(loaded, "P0", [tracklet(0, 0)])
    other = replace(DAY, revision=2, seed=9)
    load_device_day(loaded, land(tmp_path / "landing", write_device_day(tmp_path / "device", other)))
    claim(loaded)
    assert "enrolment/1" not in {method for _, _, method in claims(loaded).values()}


def test_another_embedding_space_is_never_compared(all_enrolled: Settings, tmp_path: Path) -> None:
    space = ReleaseUse(release_id="c-1", engine="compact", space_id="compact-1", dimensions=32, ethogram_id="pig-9")
    other = replace(DAY, revision=2, release=space)
    load_device_day(all_enrolled, land(tmp_path / "landing", write_device_day(tmp_path / "device", other)))
    assert claim(all_enrolled).claimed == 0
    assert lake_rows(all_enrolled, "SELECT DISTINCT space_id FROM identity") == [(None,)]


def test_two_devices_with_disjoint_cameras_never_see_one_animal_at_once(all_enrolled: Settings, tmp_path: Path) -> None:
    second = replace(DAY, device_id="barn-a-2", seed=0)
    claim(all_enrolled)
    (tmp_path / "devices.csv").write_text(
        "device_id,farm_id\nbarn-a-1,demo-farm\nbarn-a-2,demo-farm\n", encoding="utf-8"
    )
    (tmp_path / "cameras.csv").write_text(
        "camera_id,pen_id,device_id,disjoint_from,valid_from\n"
        "barn-a-1-cam-1,demo-farm-pen-1,barn-a-1,,2026-01-01\n"
        "barn-a-2-cam-1,demo-farm-pen-1,barn-a-2,barn-a-1-cam-1,2026-01-01\n",
        encoding="utf-8",
    )
    for name in ("devices.csv", "cameras.csv"):
        import_roster(all_enrolled, tmp_path / name)
    load_device_day(all_enrolled, land(tmp_path / "landing", write_device_day(tmp_path / "device", second)))
    for load_id in loads_of(all_enrolled):
        claim_device_day(all_enrolled, load_id)
    twice = lake_rows(
        all_enrolled,
        "SELECT count(*) FROM (SELECT * FROM tracklet JOIN identity USING (load_id, tracklet_id)) a "
        "JOIN (SELECT * FROM tracklet JOIN identity USING (load_id, tracklet_id)) b "
        "ON a.animal_id = b.animal_id AND a.tracklet_id < b.tracklet_id AND least(a.ended_at, b.ended_at) "
        "> greatest(a.started_at, b.started_at) + INTERVAL 500 MILLISECONDS",
    )
    assert twice == [(0,)]


@pytest.mark.parametrize(("confidence", "theirs"), [(0.3, "P0"), (0.9, None)])
def test_only_an_identified_animal_is_kept_from_being_elsewhere(
    all_enrolled: Settings, tmp_path: Path, confidence: float, theirs: str | None
) -> None:
    """A weak claim of another device is no reason to refuse a good look here."""
    (tmp_path / "devices.csv").write_text(
        "device_id,farm_id\nbarn-a-1,demo-farm\nbarn-a-2,demo-farm\n", encoding="utf-8"
    )
    (tmp_path / "cameras.csv").write_text(
        "camera_id,pen_id,device_id,disjoint_from,valid_from\n"
        "barn-a-1-cam-1,demo-farm-pen-1,barn-a-1,barn-a-2-cam-1,2026-01-01\n"
        "barn-a-2-cam-1,demo-farm-pen-1,barn-a-2,,2026-01-01\n",
        encoding="utf-8",
    )
    for name in ("devices.csv", "cameras.csv"):
        import_roster(all_enrolled, tmp_path / name)
    second = replace(DAY, device_id="barn-a-2")
    other = load_device_day(all_enrolled, land(tmp_path / "landing", write_device_day(tmp_path / "device", second)))

    def guess(lake: duckdb.DuckDBPyConnection) -> None:
        lake.execute(
            "INSERT INTO identity.claim SELECT uuid()::VARCHAR, load_id, tracklet_id, 'P0', ?, 'test', NULL, now(), 'r'"
            " FROM record.tracklet WHERE load_id = ?",
            [confidence, other.load_id],
        )

    write(all_enrolled, guess)
    [ours] = loads_of(all_enrolled, device_id="barn-a-1")
    claim_device_day(all_enrolled, ours)
    seen_at_once = lake_rows(
        all_enrolled,
        "SELECT DISTINCT i.animal_id FROM identity i JOIN tracklet t USING (load_id, tracklet_id) "
        "JOIN tracklet o ON o.started_at < t.ended_at - INTERVAL 1 MINUTE AND o.ended_at > t.started_at + INTERVAL "
        f"1 MINUTE AND o.load_id = '{other.load_id}' WHERE i.load_id = '{ours}' AND i.method <> 'enrolment/1' "
        "AND i.animal_id = 'P0'",
    )
    assert seen_at_once == ([] if theirs is None else [(theirs,)])


def test_each_matching_is_recorded_with_what_it_appended(all_enrolled: Settings) -> None:
    first, again = claim(all_enrolled), claim(all_enrolled)
    runs = lake_rows(all_enrolled, "SELECT run_id, load_id, tracklets, claims FROM identity.run ORDER BY recorded_at")
    assert runs == [(r.run_id, r.load_id, 20, n) for r, n in ((first, 20), (again, 0))]


def names(settings: Settings) -> list[str]:
    return [name for _, name in unmatched_loads(settings)]


def test_a_load_is_matched_again_only_when_something_changed(loaded: Settings, tmp_path: Path) -> None:
    assert names(loaded) == [], "nobody is enrolled"
    enrol(loaded, "P0", [tracklet(0, 0)])
    assert names(loaded) == ["barn-a-1 2026-03-02"]
    claim(loaded)
    assert names(loaded) == []
    unenrol(loaded, "P0")
    assert names(loaded) == ["barn-a-1 2026-03-02"]
    claim(loaded)
    enrol(loaded, "P0", [tracklet(0, 0)])
    claim(loaded)
    assert names(loaded) == []
    later = loaded.model_copy(update={"lookback_days": 0})
    assert names(later) == []


@pytest.mark.parametrize(
    ("stay", "concerned"),
    [
        ("P3,demo-farm-pen-1,2026-01-01,2026-02-01", True),  # it had left: the stay was cut short
        ("P4,demo-farm-pen-1,2026-03-02T09:00,", True),  # another came
        ("P3,demo-farm-pen-1,2026-01-01,2026-03-03", True),  # it left afterwards: the stay of that day changed
        ("P4,demo-farm-pen-1,2026-03-03,", False),  # came afterwards
        ("P4,demo-farm-pen-2,2026-01-01,2026-04-01", False),  # another pen
    ],
)
def test_a_changed_pen_stay_matches_the_days_that_it_concerns(
    loaded: Settings, tmp_path: Path, stay: str, concerned: bool
) -> None:
    enrol(loaded, "P0", [tracklet(0, 0)])
    claim(loaded)
    stays = ["animal_id,pen_id,valid_from,valid_to"]
    if stay.startswith("P4,demo-farm-pen-1"):
        stays.append(f"P4,demo-farm-pen-2,2026-01-01,{stay.split(',')[2]}")
    (tmp_path / "pen_stays.csv").write_text("\n".join([*stays, stay, ""]), encoding="utf-8")
    import_roster(loaded, tmp_path / "pen_stays.csv")
    assert bool(names(loaded)) == concerned
    claim(loaded)
    assert names(loaded) == []


def test_unknown_names_are_refused_by_name(loaded: Settings) -> None:
    with pytest.raises(NotFoundError, match="no animal 'P9'"):
        enrol(loaded, "P9", [tracklet(0, 0)])
    with pytest.raises(NotFoundError, match="no tracklet barn-a-1:nowhere"):
        enrol(loaded, "P0", ["barn-a-1:nowhere"])
    with pytest.raises(InputError, match="no tracklet is named"):
        enrol(loaded, "P0", [])
    with pytest.raises(NotFoundError, match="P0 is not enrolled"):
        unenrol(loaded, "P0")
    with pytest.raises(NotFoundError, match="no load 'x'"):
        claim_device_day(loaded, "x")


def test_one_animal_cannot_be_in_two_tracklets_at_once(loaded: Settings) -> None:
    a, b = lake_rows(loaded, "SELECT a.tracklet_id, b.tracklet_id FROM tracklet a JOIN tracklet b ON a.started_at "
                             "< b.started_at AND b.started_at < a.ended_at - INTERVAL 1 MINUTE LIMIT 1")[0]  # fmt: skip
    with pytest.raises(InputError, match="seen at once"):
        enrol(loaded, "P0", [a, b])
    enrol(loaded, "P0", [a])
    with pytest.raises(InputError, match="seen at once"):
        enrol(loaded, "P0", [b])


def test_one_tracklet_cannot_be_two_animals(loaded: Settings) -> None:
    enrol(loaded, "P0", [tracklet(0, 0)])
    with pytest.raises(InputError, match="is enrolled as P0"):
        enrol(loaded, "P1", [tracklet(0, 0)])


def test_an_animal_that_was_elsewhere_is_not_enrolled_here(loaded: Settings) -> None:
    with pytest.raises(InputError, match="P4 was not in pen demo-farm-pen-1"):
        enrol(loaded, "P4", [tracklet(0, 0)])
