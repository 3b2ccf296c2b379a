"""The driver over real agents' HTTP in another process: what it signs, that it bears SIGKILL after every deed."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from herdbook.contracts.assignment import Why
from herdbook.contracts.release import FIRST_RELEASE
from herdbook.errors import RolloutConflictError
from herdbook.fleet.rollout import overview, store
from herdbook.fleet.rollout.control import change
from herdbook.fleet.rollout.driver import Driver, counts
from herdbook.fleet.rollout.locks import held
from herdbook.fleet.rollout.pins import pin, unpin
from herdbook.ledger.columns import utc_now
from herdbook.ledger.migrate import upgrade
from herdbook.ledger.rollouts import RolloutEvent, RolloutPhase
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings
from support.fleet_devices import told
from support.rollout_world import World, world
from support.rollouts import NEW, OLD

DEEDS = ("asked", "decided", "signed", "recorded", "nudged")


@pytest.fixture(scope="module")
def _home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    upgrade(Settings(home=home))
    return home


@pytest.fixture
def settings(_home: Path, tmp_path: Path) -> Settings:
    shutil.copytree(_home, tmp_path / "home")
    return Settings(home=tmp_path / "home")


def test_a_release_reaches_the_fleet_and_everything_is_written_down(settings: Settings, tmp_path: Path) -> None:
    with world(settings, tmp_path / "devices", 7) as here:
        number = here.begin(key="night 1")
        assert here.begin(key="night 1") == number, "the same key is the same rollout"
        with pytest.raises(RolloutConflictError, match="is running"):
            here.begin()
        progress = here.run(number)
        assert progress.state.phase is RolloutPhase.DONE
        assert counts(progress.state.members) == {"proved": 7}
        rows = overview.fleet(settings)
        assert {(r.desired, r.actual, r.certificate, r.sku) for r in rows} == {(NEW, NEW, "proved", "cpu")}
        found = overview.rollout(settings)
        assert [wave["phase"] for wave in found["waves"]] == ["passed"] * len(found["waves"])
        assert found["waves"][0]["evidence"]["drift"]["figures"]
        with ledger_session(settings) as session:
            events = list(session.scalars(select(RolloutEvent).order_by(RolloutEvent.event_id)))
        assert (events[0].what, events[0].by) == ("started", "anna")
        assert sum(event.what == "told" for event in events) == 7
        with pytest.raises(IntegrityError), ledger_session(settings) as session:
            session.execute(text("DELETE FROM rollout_event"))


@pytest.mark.parametrize(
    ("fault", "why"), [("refuses", "parity"), ("slow", "480 ms"), ("lies", "lying"), ("silent", "within 10 h")]
)
def test_a_bad_release_stops_at_its_canary_and_everyone_runs_the_old_one(
    settings: Settings, tmp_path: Path, fault: str, why: str
) -> None:
    with world(settings, tmp_path / "devices", 5, d_00=fault) as here:
        number = here.begin()
        here.timeout_s = 2 if fault == "silent" else here.timeout_s
        for _ in range(2):
            here.driver().step(number)
        if fault == "silent":
            here.ahead = timedelta(hours=11)
        progress = here.driver().step(number)
        assert progress.state.phase is RolloutPhase.STOPPED
        assert why in progress.state.reason + progress.state.members["d-00"].reason
        if fault == "silent":
            here.faulty(d_00="")
        here.run(number)
        here.driver().step(number)
    assert {entry["device_id"] for entry in told(here.folder)} == {"d-00"}
    assert (told(here.folder)[-1]["release_id"], told(here.folder)[-1]["why"]) == (OLD, "rollback")
    assert {row.actual for row in overview.fleet(settings) if row.actual} == {OLD}


def test_a_driver_killed_after_every_deed_is_followed_by_one_that_goes_on(settings: Settings, tmp_path: Path) -> None:
    with world(settings, tmp_path / "devices", 6) as here:
        number = here.begin()
        for n in range(60):
            _killed_after(here, number, DEEDS[n % len(DEEDS)])
            with ledger_session(settings) as session:
                phase = session.execute(text("SELECT phase FROM rollout")).scalar()
            if phase == "done":
                break
        progress = here.run(number)
        assert progress.state.phase is RolloutPhase.DONE
        assert counts(progress.state.members) == {"proved": 6}
    numbers: dict[str, list[int]] = {}
    for entry in told(here.folder):
        numbers.setdefault(entry["device_id"], []).append(entry["number"])
        assert entry["release_id"] == NEW
    assert all(given == [1] for given in numbers.values()), "what was signed before the kill is not signed again"


@pytest.mark.slow
def test_nobody_is_told_after_an_abort_wherever_the_driver_was_killed(settings: Settings, tmp_path: Path) -> None:
    for deed in DEEDS[1:]:
        home = tmp_path / deed / "home"
        shutil.copytree(settings.home, home)
        mine = Settings(home=home)
        with world(mine, tmp_path / deed / "devices", 4) as here:
            number = here.begin()
            _killed_after(here, number, deed)
            change(mine, number, "abort", by="bert", reason="wrong calf")
            signed = {name: a.number for name, a in here.signer.present(here.devices).items()}
            progress = here.run(number)
            assert progress.state.phase is RolloutPhase.ABORTED
            later = [e for e in told(here.folder) if e["number"] > signed.get(e["device_id"], 0)]
            assert {e["release_id"] for e in later} <= {OLD}, "what was signed before may still reach a device"
            assert {row.actual for row in overview.fleet(mine) if row.actual} == {OLD}
            assert "bert: wrong calf" in progress.state.reason


def test_a_canarys_engine_is_signed_for_its_likes_before_they_are_told(settings: Settings, tmp_path: Path) -> None:
    with world(settings, tmp_path / "devices", 3, kinds="orin") as here:
        assert here.run(here.begin()).state.phase is RolloutPhase.DONE
        first, last = (json.loads((here.folder / "assignments" / f"d-0{n}.json").read_bytes()) for n in (0, 2))
        assert first["builds"]
        assert [file["name"] for file in first["files"]] == ["release.json"]
        assert not last["builds"]
        assert [file["name"] for file in last["files"]] == ["release.json", "student.plan"]


def test_two_drivers_at_once_do_not_disturb_each_other(settings: Settings, tmp_path: Path) -> None:
    with world(settings, tmp_path / "devices", 2) as here:
        number = here.begin()
        with held(settings, "driver"):
            assert here.driver().step(number).busy
        assert here.driver().step(number).state.phase is RolloutPhase.RUNNING


def test_a_decision_made_on_an_older_state_is_not_written(settings: Settings, tmp_path: Path) -> None:
    with world(settings, tmp_path / "devices", 2) as here:
        number = here.begin()

        def pause(deed: str) -> None:
            if deed == "asked":
                change(settings, number, "pause", by="anna")

        assert here.driver(pause).step(number).state.phase is RolloutPhase.PAUSED
        assert told(here.folder) == []
        change(settings, number, "resume", by="anna")
        assert here.run(number).state.phase is RolloutPhase.DONE


@pytest.mark.slow
def test_devices_that_were_off_catch_up_after_the_end(settings: Settings, tmp_path: Path) -> None:
    with world(settings, tmp_path / "devices", 3, d_02="away") as here:
        number = here.begin({"hours": {"absent": 0}})
        short = Driver(settings, here.signer, timeout_s=0.5)
        for _ in range(8):
            progress = short.step(number)
        assert progress.state.phase is RolloutPhase.DONE
        assert counts(progress.state.members) == {"away": 1, "proved": 2}
        here.faulty(d_02="")
        for _ in range(2):
            progress = here.driver().step(number)
        assert counts(progress.state.members) == {"proved": 3}


def test_a_pinned_device_is_told_its_pin_and_passed_by(settings: Settings, tmp_path: Path) -> None:
    with world(settings, tmp_path / "devices", 3) as here:
        pin(settings, "d-01", OLD, by="anna", reason="vet's trial", signer=here.signer)
        progress = here.run(here.begin())
        assert counts(progress.state.members) == {"proved": 2, "skipped": 1}
        heard = [(e["release_id"], e["why"]) for e in told(here.folder) if e["device_id"] == "d-01"]
        assert heard == [(OLD, "pin")]
        assert next(row.pinned for row in overview.fleet(settings) if row.device == "d-01") == OLD
        unpin(settings, "d-01")
        assert all(row.pinned is None for row in overview.fleet(settings))


def test_a_pin_set_while_the_driver_asks_is_not_overruled(settings: Settings, tmp_path: Path) -> None:
    with world(settings, tmp_path / "devices", 1) as here:
        number = here.begin()

        def pin_it(deed: str) -> None:
            if deed == "asked":
                pin(settings, "d-00", OLD, by="anna", reason="vet's trial", signer=here.signer)

        here.driver(pin_it).step(number)
        here.run(number)
        assert [e["release_id"] for e in told(here.folder)] == [OLD]


def test_what_devices_may_go_back_to_is_not_pruned(settings: Settings, tmp_path: Path) -> None:
    with world(settings, tmp_path / "devices", 2) as here:
        here.run(here.begin())
        with ledger_session(settings) as session:
            assert store.ways_back(session, utc_now() + timedelta(days=1)) == {OLD, NEW}


def test_devices_that_run_another_engine_are_left_to_it(settings: Settings, tmp_path: Path) -> None:
    with world(settings, tmp_path / "devices", 3) as here:
        here.devices["d-01"]["actual"] = "sam3-1"
        here.faulty()
        here.signer.releases.add("sam3-1")
        here.signer.engines["sam3-1"] = "sam3"
        progress = here.run(here.begin())
        assert counts(progress.state.members) == {"proved": 2, "skipped": 1}
        assert "engine sam3" in progress.state.members["d-01"].reason


def test_a_way_back_that_nobody_signed_is_said_at_the_beginning(settings: Settings, tmp_path: Path) -> None:
    with world(settings, tmp_path / "devices", 2, d_00="refuses") as here:
        here.signer.releases.discard(OLD)
        progress = here.run(here.begin())
        events = overview.rollout(settings)["events"]
        assert any("2 devices run compact-1, never signed" in event["said"] for event in events)
        assert counts(progress.state.members) == {"pending": 1, "stuck": 1}
        assert progress.settled


def test_the_first_release_of_a_farm_is_taken_back_to_the_engine_that_nobody_signed(
    settings: Settings, tmp_path: Path
) -> None:
    with world(settings, tmp_path / "devices", 3, actual=FIRST_RELEASE, d_00="lies") as here:
        progress = here.run(here.begin())
        assert progress.state.phase is RolloutPhase.STOPPED
        assert counts(progress.state.members) == {"left": 1, "pending": 2}
        assert not any("never signed" in event["said"] for event in overview.rollout(settings)["events"])
        assert {row.actual for row in overview.fleet(settings) if row.actual} == {FIRST_RELEASE}
        back = here.signer.present(["d-00"])["d-00"]
        assert (back.release_id, back.why, back.files) == (FIRST_RELEASE, Why.ROLLBACK, ())


def test_a_finished_rollout_is_rolled_back_as_a_whole(settings: Settings, tmp_path: Path) -> None:
    with world(settings, tmp_path / "devices", 4) as here:
        number = here.begin()
        here.run(number)
        with pytest.raises(RolloutConflictError, match="is done"):
            change(settings, number, "abort", by="anna")
        change(settings, number, "rollback", by="anna", reason="sows look thin")
        progress = here.run(number)
        assert counts(progress.state.members) == {"left": 4}
        assert {row.actual for row in overview.fleet(settings)} == {OLD}


def _killed_after(here: World, number: int, deed: str) -> None:
    """A step in a process of its own that is killed right after a deed, if it comes to it."""

    def work() -> None:
        def trace(done: str) -> None:
            if done == deed:
                os.kill(os.getpid(), signal.SIGKILL)

        here.driver(trace).step(number)

    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join()
