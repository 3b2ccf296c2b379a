"""A night loads what has landed, whole or not at all, in whatever order and however often it is interrupted."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

import herdbook
from herdbook import night
from herdbook.contracts.landed_day import read_landed_day
from herdbook.errors import LakeCheckFailedError, LandedDayError, NotFoundError
from herdbook.fleet import inventory
from herdbook.identity.enrolment import enrol
from herdbook.identity.pending import unmatched_loads
from herdbook.lake.attach import open_lake
from herdbook.lake.migrate import migrate
from herdbook.lake.transaction import write
from herdbook.ledger.days import set_day
from herdbook.ledger.migrate import upgrade
from herdbook.ledger.models import DayState, DeviceDay
from herdbook.ledger.session import ledger_session
from herdbook.roster.importer import import_roster
from herdbook.settings import Settings
from support.device_day import DaySpec, land, write_device_day

DAYS = (date(2026, 3, 2), date(2026, 3, 3))


@pytest.fixture(scope="module")
def _empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    migrate(Settings(home=home))
    upgrade(Settings(home=home))
    return home


@pytest.fixture
def settings(_empty: Path, tmp_path: Path) -> Settings:
    shutil.copytree(_empty, tmp_path / "home")
    return Settings(home=tmp_path / "home", lake_wait_s=30)


def landed(settings: Settings, root: Path, spec: DaySpec) -> Path:
    return land(settings.landing, write_device_day(root / spec.device_id, spec)).folder


def names(folders: list[Path]) -> list[str]:
    return [f"{f.parent.parent.name} {f.parent.name} {f.name}" for f in folders]


def loaded(settings: Settings) -> list[tuple[str, str, int]]:
    with open_lake(settings, read_only=True) as lake:
        return lake.execute("SELECT device_id, day::VARCHAR, revision FROM device_day ORDER BY ALL").fetchall()


def test_the_oldest_day_waits_first_and_only_its_highest_revision(settings: Settings, tmp_path: Path) -> None:
    for spec in (
        DaySpec(day=DAYS[1]),
        DaySpec(day=DAYS[0], device_id="barn-a-2"),
        DaySpec(day=DAYS[0]),
        DaySpec(day=DAYS[0], revision=2),
        DaySpec(day=DAYS[0], revision=10),
    ):
        landed(settings, tmp_path, spec)
    assert names(night.waiting_days(settings)) == [
        "barn-a-1 2026-03-02 r10",
        "barn-a-2 2026-03-02 r1",
        "barn-a-1 2026-03-03 r1",
    ]
    assert names(night.waiting_days(settings, [DAYS[1]])) == ["barn-a-1 2026-03-03 r1"]


def test_a_day_that_never_landed_is_named(settings: Settings) -> None:
    with pytest.raises(NotFoundError, match="nothing has landed for 2026-03-02"):
        night.waiting_days(settings, [DAYS[0]])


def test_loading_twice_changes_nothing(settings: Settings, tmp_path: Path) -> None:
    landed(settings, tmp_path, DaySpec())
    first, second = night.load_herd(settings, publish=False), night.load_herd(settings)
    assert [(load.device_id, load.day) for load in first.loads] == [("barn-a-1", DAYS[0])]
    assert second.loads == []
    assert loaded(settings) == [("barn-a-1", "2026-03-02", 1)]
    with herdbook.connect(settings.published) as herd:
        assert herd.execute("SELECT count(*) FROM tracklet").fetchone() == (12,)


def test_a_higher_revision_replaces_and_a_lower_one_does_not(settings: Settings, tmp_path: Path) -> None:
    for revision in (2, 1, 3):
        landed(settings, tmp_path, DaySpec(revision=revision))
        night.load_herd(settings, publish=False).raise_errors()
    assert loaded(settings) == [("barn-a-1", "2026-03-02", 3)]


def test_a_day_that_fails_does_not_stop_the_others(settings: Settings, tmp_path: Path) -> None:
    broken = landed(settings, tmp_path, DaySpec())
    (broken / "files" / "embedding.parquet").unlink()
    landed(settings, tmp_path, DaySpec(day=DAYS[1]))
    done = night.load_herd(settings)
    assert loaded(settings) == [("barn-a-1", "2026-03-03", 1)]
    assert done.published is not None
    with pytest.raises(LandedDayError, match=r"embedding\.parquet is gone") as raised:
        done.raise_errors()
    assert "herdbook ingest DEVICE DAY" in raised.value.remedy


def test_a_failed_check_keeps_the_last_publication(settings: Settings, tmp_path: Path) -> None:
    landed(settings, tmp_path, DaySpec())
    night.load_herd(settings)
    before = settings.published.read_bytes()
    landed(settings, tmp_path, DaySpec(day=DAYS[1]))
    night.load_herd(settings, publish=False)
    write(settings, lambda lake: lake.execute("INSERT INTO record.tracklet SELECT * FROM record.tracklet"))
    with pytest.raises(LakeCheckFailedError):
        night.load_herd(settings)
    assert settings.published.read_bytes() == before


def test_what_is_published_is_what_was_checked(settings: Settings, tmp_path: Path) -> None:
    """A day that comes in between waits for the next publication."""
    landed(settings, tmp_path, DaySpec())
    late = []

    def meanwhile(what: str, _done: int, _total: int) -> None:
        if what.startswith("publishing") and not late:
            late.append(landed(settings, tmp_path, DaySpec(day=DAYS[1])))
            night.load_days(settings, late).raise_errors()

    night.load_herd(settings, progress=meanwhile)
    assert [day for _, day, _ in loaded(settings)] == ["2026-03-02", "2026-03-03"]
    published = "SELECT DISTINCT day::VARCHAR FROM device_day"
    with herdbook.connect(settings.published) as herd:
        assert herd.execute(published).fetchall() == [("2026-03-02",)]
        [[snapshot]] = herd.execute("SELECT snapshot_id FROM published").fetchall()
    with open_lake(settings, snapshot=snapshot) as then:
        assert then.execute(published).fetchall() == [("2026-03-02",)], "it names the state it is of"
    night.load_herd(settings)
    with herdbook.connect(settings.published) as herd:
        assert len(herd.execute(published).fetchall()) == 2


def test_progress_is_counted(settings: Settings, tmp_path: Path) -> None:
    for day in DAYS:
        landed(settings, tmp_path, DaySpec(day=day))
    told: list[tuple[str, int, int]] = []
    night.load_herd(settings, progress=lambda *step: told.append(step))
    assert told[:2] == [("loading barn-a-1 2026-03-02", 0, 2), ("loading barn-a-1 2026-03-03", 1, 2)]
    assert told[-1] == ("publishing herd.duckdb", 2, 2)
    checks = [(done, total) for what, done, total in told if what.startswith("checking")]
    assert checks == [(n, len(checks)) for n in range(len(checks))]


def test_the_lake_alone_says_what_is_loaded(settings: Settings, tmp_path: Path) -> None:
    inventory.enrol(settings, "barn-a-1", farm_id="f", url="https://d:1", timezone="Europe/London", token="x" * 32)
    days = [landed(settings, tmp_path, DaySpec(day=day)) for day in DAYS]
    with ledger_session(settings) as session:  # one not known to be loaded, one thought to be
        for folder, state in zip(days, (DayState.LANDED, DayState.LOADED), strict=True):
            read = read_landed_day(folder)
            key = (read.manifest.device_id, read.manifest.day, read.manifest.revision)
            set_day(session, key, sha256=read.landing.manifest_sha256, final=True, state=state)
    night.load_days(settings, days[:1])
    assert night.reconcile(settings) == 2
    with ledger_session(settings) as session:
        states = {row.day: row.state for row in session.query(DeviceDay)}
    assert states == {DAYS[0]: DayState.LOADED, DAYS[1]: DayState.LANDED}


ROSTER = {
    "farms": "farm_id,name,timezone\ndemo-farm,Farm,Europe/London\n",
    "pens": "pen_id,farm_id,name\ndemo-farm-pen-1,demo-farm,Pen\n",
    "animals": "animal_id,farm_id,species\npig-1,demo-farm,pig\n",
    "pen_stays": "animal_id,pen_id,valid_from\npig-1,demo-farm-pen-1,2026-01-01\n",
}


def test_an_animal_enrolled_later_is_looked_for_in_the_days_around(settings: Settings, tmp_path: Path) -> None:
    for name, text in ROSTER.items():
        (tmp_path / "roster").mkdir(exist_ok=True)
        (tmp_path / "roster" / f"{name}.csv").write_text(text)
    import_roster(settings, tmp_path / "roster")
    far = date(2025, 10, 1)
    for day in (*DAYS, far):
        landed(settings, tmp_path, DaySpec(day=day, tracklets_per_animal=1))
    assert night.load_herd(settings, publish=False).claimed == [], "nobody is enrolled"

    first = "barn-a-1:2026-03-02:cam:000000"
    enrol(settings, "pig-1", [first])
    claimed = night.load_herd(settings, publish=False).claimed
    assert len(claimed) == 3, "days never matched are matched, however old"
    with open_lake(settings, read_only=True) as lake:
        assert lake.execute("SELECT animal_id FROM identity WHERE tracklet_id = ?", [first]).fetchone() == ("pig-1",)

    enrol(settings, "pig-1", ["barn-a-1:2026-03-03:cam:000000"])
    near = [name for _, name in unmatched_loads(settings)]
    assert near == ["barn-a-1 2026-03-02", "barn-a-1 2026-03-03"], "history does not change with every enrolment"
