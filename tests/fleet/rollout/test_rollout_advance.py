"""What a rollout decides, and what holds whatever devices do."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from herdbook.contracts.activation import Failure, Stage
from herdbook.fleet.rollout.advance import advance
from herdbook.fleet.rollout.reports import read
from herdbook.fleet.rollout.state import OVER, Assigned, State
from herdbook.ledger.rollouts import MemberPhase, RolloutPhase, WavePhase
from support.rollouts import HOUR, NEW, NOON, OLD, FakeDevice, member, policy, rollout

FAULTS = ["", "", "", "", "silent", "away", "refuses", "late", "falls back"]


class Fleet:
    """Devices, and the driver's part without its disk and network: what is owed is signed with rising numbers."""

    def __init__(self, state: State, faults: dict[str, str] | None = None) -> None:
        self.state = state
        self.now = NOON
        self.told: dict[str, datetime] = {}
        self.stopped_at: datetime | None = None
        self.devices = {
            name: FakeDevice(name, "cpu" if m.sku == "cpu" else "orin", (faults or {}).get(name, ""))
            for name, m in state.members.items()
        }

    def step(self, hours: float = 0.25) -> list[str]:
        """One round; what was decided."""
        self.now += timedelta(hours=hours)
        reports = {n: r for n, d in self.devices.items() if (r := d.report(now=self.now)) is not None}
        before = self.state
        done = advance(before, reports, self.now)
        self.state = done.state
        check(before, done.state, reports)
        signed = {}
        for name, m in done.state.members.items():
            if m.owed:
                number = self.devices[name].number + 1
                release = NEW if m.phase is MemberPhase.TOLD else m.former
                assert release is not None
                self.devices[name].tell(release, number)
                signed[name] = replace(m, signed=number)
        self.state = replace(done.state, members={**done.state.members, **signed})
        return [decision.what for decision in done.decisions]

    def run(self, rounds: int = 400) -> State:
        for _ in range(rounds):
            self.step()
            if self.state.settled(self.now):
                break
        return self.state


def phases(state: State) -> dict[str, str]:
    return {name: m.phase.value for name, m in state.members.items()}


def check(before: State, after: State, reports: dict[str, object]) -> None:
    """What always holds, between two states."""
    assert sum(wave.phase is WavePhase.RUNNING for wave in after.waves) <= 1
    for one, following in pairwise(after.waves):
        assert following.phase is WavePhase.PENDING or one.phase is WavePhase.PASSED
    if before.phase in OVER:
        assert after.phase is before.phase
    proved = {m.engine_key for m in before.members.values() if m.phase is MemberPhase.PROVED}
    proved |= {m.engine_key for m in after.members.values() if m.phase is MemberPhase.PROVED}
    for name, m in after.members.items():
        newly = m.phase is MemberPhase.TOLD and before.members[name].phase is not MemberPhase.TOLD
        if not newly:
            continue
        assert before.phase not in OVER
        assert after.phase not in OVER
        assert before.phase is not RolloutPhase.PAUSED
        assert name in reports, "who does not answer is not told"
        assert name not in before.pins
        assert name not in before.gone
        assert m.canary or m.engine_key in proved
        assert m.wave == 0 or after.waves[m.wave - 1].phase is WavePhase.PASSED


def fleet_of(count: int, **faults: str) -> Fleet:
    members = [member(f"d-{n:02}", farm_id=f"farm-{n % 4}") for n in range(count)]
    return Fleet(rollout(members), {name.replace("_", "-"): fault for name, fault in faults.items()})


def test_a_good_release_reaches_everyone_wave_by_wave() -> None:
    fleet = fleet_of(12)
    state = fleet.run()
    assert state.phase is RolloutPhase.DONE
    assert set(phases(state).values()) == {"proved"}
    assert [wave.phase for wave in state.waves] == [WavePhase.PASSED] * len(state.waves)
    assert len(state.waves) > 2
    ended = [(wave.began_at, wave.ended_at) for wave in state.waves]
    assert all(a[1] <= b[0] for a, b in pairwise(ended))  # type: ignore[operator]


@pytest.mark.parametrize("fault", ["silent", "refuses", "late", "falls back"])
def test_a_canary_that_fails_stops_the_rollout_and_goes_back(fault: str) -> None:
    members = [member(f"d-{n:02}") for n in range(6)]
    fleet = Fleet(rollout(members, policy({"hours": {"soak": 0.5}})), {"d-00": fault})
    state = fleet.run()
    assert state.phase is RolloutPhase.STOPPED
    told = {name for name, m in state.members.items() if m.told_at is not None}
    assert told == {"d-00"}
    assert state.members["d-00"].phase is (MemberPhase.LEAVING if fault == "silent" else MemberPhase.LEFT)
    assert all(device.actual == OLD for device in fleet.devices.values())


def test_silence_counts_as_failure_only_after_the_deadline() -> None:
    fleet = fleet_of(3, d_00="silent")
    for _ in range(40):  # ten hours
        fleet.step()
    assert fleet.state.phase is RolloutPhase.RUNNING
    fleet.step()
    fleet.step()
    assert fleet.state.phase is RolloutPhase.STOPPED
    assert "within 10 h" in str(fleet.state.members["d-00"].reason)


@pytest.mark.parametrize("number", [1, 2], ids=["it has not heard of its instruction", "it has"])
def test_what_went_wrong_last_is_kept_while_a_device_tries_again(number: int) -> None:
    """A device that refuses what the server shows cannot hear of its instruction: the ledger says why."""
    told = member("d-00", phase=MemberPhase.TOLD, told_at=NOON, signed=2)
    report = FakeDevice("d-00", fault="late", number=number, desired=NEW).report()
    assert report is not None
    why = Failure(
        stage=Stage.FETCHING,
        error="MetadataExpiredError",
        exit_code=93,
        message="timestamp.json is expired",
        remedy="Wait.",
        final=False,
        at=NOON,
    )
    trying = report.model_copy(update={"failure": why, "stage": Stage.FETCHING})
    assert read(told, trying, NEW, NOON).reason == "fetching: timestamp.json is expired"
    over = report.model_copy(update={"failure": why.model_copy(update={"final": True}), "stage": Stage.FAILED})
    now = read(told, over, NEW, NOON)
    assert (now.phase is MemberPhase.FAILED) == (number == told.signed), "the end of an older one counts for nothing"


@pytest.mark.parametrize(
    ("phase", "runs", "settled"),
    [(MemberPhase.TOLD, NEW, MemberPhase.PROVED), (MemberPhase.LEAVING, OLD, MemberPhase.LEFT)],
)
def test_a_device_counts_once_its_switch_is_over(phase: MemberPhase, runs: str, settled: MemberPhase) -> None:
    """Before that the engine has yet to answer, and what the report says of it is from before."""
    told = member("d-00", phase=phase, told_at=NOON, signed=2)
    report = FakeDevice("d-00", number=2, desired=runs, actual=runs).report()
    assert report is not None
    assert read(told, report.model_copy(update={"stage": Stage.SWITCHING}), NEW, NOON).phase is phase
    assert read(told, report, NEW, NOON).phase is settled


def test_devices_that_are_away_stay_pending_and_catch_up() -> None:
    fleet = fleet_of(8, d_06="away", d_07="away")
    state = fleet.run()
    assert state.phase is RolloutPhase.DONE
    assert [n for n, p in phases(state).items() if p == "away"] == ["d-06", "d-07"]
    fleet.devices["d-07"].fault = ""
    fleet.step()
    fleet.step()
    assert phases(fleet.state)["d-07"] == "proved"
    assert phases(fleet.state)["d-06"] == "away"


def test_a_device_of_a_new_kind_that_catches_up_goes_alone_before_its_likes() -> None:
    members = [member(f"c-{n}") for n in range(3)] + [member(f"o-{n}", sku="", engine_key="") for n in range(3)]
    fleet = Fleet(rollout(members, policy({"waves": {"most_of_farm": 1.0}}), silent=frozenset({"o-0", "o-1", "o-2"})))
    for name in ("o-0", "o-1", "o-2"):
        fleet.devices[name].kind = "orin"
    fleet.step()
    fleet.step()  # canaries proved: the wave begins
    told = [n for n, m in fleet.state.members.items() if n.startswith("o-") and m.phase is MemberPhase.TOLD]
    assert told == ["o-0"]
    assert fleet.state.members["o-0"].canary
    assert fleet.run().phase is RolloutPhase.DONE


def test_a_pause_lets_nobody_new_in_and_looks_on() -> None:
    fleet = fleet_of(6)
    fleet.step()
    fleet.state = replace(fleet.state, phase=RolloutPhase.PAUSED)
    for _ in range(8):
        assert "told" not in fleet.step()
    assert fleet.state.members["d-00"].phase is MemberPhase.PROVED
    fleet.state = replace(fleet.state, phase=RolloutPhase.RUNNING)
    assert fleet.run().phase is RolloutPhase.DONE


def test_a_gate_stops_even_while_paused() -> None:
    fleet = fleet_of(6, d_00="refuses")
    fleet.step()
    fleet.state = replace(fleet.state, phase=RolloutPhase.PAUSED)
    fleet.step()
    assert fleet.state.phase is RolloutPhase.STOPPED


def test_the_release_that_a_device_ran_before_comes_back_after_an_abort() -> None:
    fleet = fleet_of(6)
    for _ in range(3):
        fleet.step()
    fleet.state = replace(fleet.state, phase=RolloutPhase.ABORTED)
    state = fleet.run()
    assert state.phase is RolloutPhase.ABORTED
    assert all(device.actual == OLD for device in fleet.devices.values())
    assert "left" in phases(state).values()


def test_where_the_policy_says_hold_devices_keep_what_they_took_up() -> None:
    fleet = fleet_of(6)
    fleet.state = replace(fleet.state, rolls_back=False)
    for _ in range(3):
        fleet.step()
    fleet.state = replace(fleet.state, phase=RolloutPhase.ABORTED)
    fleet.run(10)
    assert NEW in {device.actual for device in fleet.devices.values()}


def test_who_is_pinned_or_retired_is_left_alone() -> None:
    fleet = fleet_of(5)
    fleet.state = replace(fleet.state, pins={"d-01": "compact-0"}, gone=frozenset({"d-02"}))
    state = fleet.run()
    assert state.phase is RolloutPhase.DONE
    assert phases(state) == {"d-00": "proved", "d-01": "skipped", "d-02": "skipped", "d-03": "proved", "d-04": "proved"}
    assert fleet.devices["d-01"].number == 0


def test_in_a_large_wave_a_few_may_fail_and_many_may_not() -> None:
    rules = policy({"waves": {"sizes": [60], "most_of_farm": 1.0}})
    for failing, ends in ((2, RolloutPhase.DONE), (12, RolloutPhase.STOPPED)):
        members = [member(f"d-{n:02}") for n in range(61)]
        fleet = Fleet(rollout(members, rules), {f"d-{n + 1:02}": "refuses" for n in range(failing)})
        assert fleet.run().phase is ends


def test_a_maintenance_window_moves_the_deadline() -> None:
    windows = {"default": {"begins": "22:00", "ends": "05:00"}}
    members = [member(f"d-{n:02}") for n in range(2)]
    fleet = Fleet(rollout(members, policy({"windows": windows})), {"d-00": "late"})
    for _ in range(4 * 19):  # told at 12:15, the window opens at 22:00, ten hours from there
        fleet.step()
    assert fleet.state.phase is RolloutPhase.RUNNING
    for _ in range(8):
        fleet.step()
    assert fleet.state.phase is RolloutPhase.STOPPED


def test_what_a_device_says_of_an_older_instruction_does_not_count() -> None:
    fleet = fleet_of(2)
    fleet.devices["d-00"].number, fleet.devices["d-00"].desired = 7, NEW
    fleet.devices["d-00"].actual = NEW
    first = advance(fleet.state, {"d-00": fleet.devices["d-00"].report()}, NOON)  # type: ignore[dict-item]
    told = replace(first.state.members["d-00"], signed=8, former=OLD)
    state = replace(first.state, members=first.state.members | {"d-00": told})
    after = advance(state, {"d-00": fleet.devices["d-00"].report()}, NOON + HOUR)  # type: ignore[dict-item]
    assert after.state.members["d-00"].phase is MemberPhase.TOLD


def test_a_device_that_fails_after_its_wave_passed_counts_for_the_wave_in_flight() -> None:
    fleet = fleet_of(6)
    while fleet.state.waves[0].phase is not WavePhase.PASSED:
        fleet.step()
    fleet.devices["d-00"].fault = "falls back"
    assert fleet.run().phase is RolloutPhase.STOPPED
    assert "went back to" in fleet.state.members["d-00"].reason


def test_where_no_canary_is_left_the_next_device_goes_first() -> None:
    fleet = fleet_of(6, d_01="refuses")
    fleet.state = replace(fleet.state, pins={"d-00": OLD})
    assert "canary" in [*fleet.step(), *fleet.step()]
    assert phases(fleet.state)["d-00"] == "skipped"
    assert fleet.state.members["d-01"].canary
    assert fleet.run().phase is RolloutPhase.STOPPED
    assert {name for name, m in fleet.state.members.items() if m.told_at is not None} == {"d-01"}


def test_without_any_canary_nobody_goes_on() -> None:
    fleet = fleet_of(3, **{f"d_{n:02}": "away" for n in range(3)})
    fleet.state = replace(fleet.state, pins={"d-00": OLD})
    assert fleet.run().phase is RolloutPhase.STOPPED
    assert "silence is failure" in fleet.state.reason


def test_time_in_which_no_driver_ran_is_nobodys_silence() -> None:
    fleet = fleet_of(6)
    fleet.state = replace(fleet.state, policy=policy({"hours": {"soak": 24}}))
    for _ in range(3):
        fleet.step()
    assert phases(fleet.state)["d-00"] == "proved"
    fleet.devices["d-00"].fault = "away"
    fleet.step(hours=8)  # the platform was off; the first question after it is missed
    assert phases(fleet.state)["d-00"] == "proved"
    fleet.devices["d-00"].fault = ""
    fleet.step(hours=0.5)
    assert fleet.state.members["d-00"].missed_at is None
    fleet.devices["d-00"].fault = "away"
    fleet.step()
    fleet.step(hours=8)
    assert fleet.state.phase is RolloutPhase.STOPPED


def test_who_has_not_heard_that_it_is_to_go_back_goes_back_to_there() -> None:
    """Off while a release was taken back, it still runs it when the next one begins."""
    fleet = fleet_of(2)
    device = fleet.devices["d-00"]
    device.actual, device.number = "compact-bad", 4
    fleet.state = replace(fleet.state, assigned={"d-00": Assigned(5, OLD), "d-01": Assigned(3, "compact-0")})
    fleet.devices["d-01"].number = 3
    fleet.step()
    assert fleet.state.members["d-00"].former == OLD
    assert fleet.state.members["d-01"].former == OLD, "what it refused, it did not run"


def test_what_was_decided_is_not_signed_once_it_no_longer_holds() -> None:
    fleet = fleet_of(2)
    decided = advance(fleet.state, {"d-00": fleet.devices["d-00"].report()}, NOON).state  # type: ignore[dict-item]
    assert set(decided.to_sign) == {"d-00"}
    assert not replace(decided, phase=RolloutPhase.ABORTED).to_sign
    assert not replace(decided, pins={"d-00": OLD}).to_sign
    assert not replace(decided, gone=frozenset({"d-00"})).to_sign
    held = replace(decided, phase=RolloutPhase.ABORTED, rolls_back=False)
    after = advance(held, {}, NOON).state
    assert phases(after)["d-00"] == "skipped"
    assert after.settled(NOON)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_devices_and_people_do(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 14), "devices")
    kinds = data.draw(st.lists(st.sampled_from(["cpu", "orin"]), min_size=count, max_size=count), "kinds")
    faults = data.draw(st.lists(st.sampled_from(FAULTS), min_size=count, max_size=count), "faults")
    names = [f"d-{n:02}" for n in range(count)]
    members = [
        member(name, kind, farm_id=f"farm-{n % 3}") for n, (name, kind) in enumerate(zip(names, kinds, strict=True))
    ]
    away = frozenset(name for name, fault in zip(names, faults, strict=True) if fault == "away")
    sizes = data.draw(st.sampled_from([[1], [2, 5], [30]]), "sizes")
    fleet = Fleet(rollout(members, policy({"waves": {"sizes": sizes}}), away), dict(zip(names, faults, strict=True)))
    for _ in range(data.draw(st.integers(1, 40), "rounds")):
        deed = data.draw(st.sampled_from(["step"] * 8 + ["pause", "resume", "abort", "pin", "heal"]), "deed")
        name = data.draw(st.sampled_from(names), "device")
        phase = fleet.state.phase
        if deed == "pause" and phase is RolloutPhase.RUNNING:
            fleet.state = replace(fleet.state, phase=RolloutPhase.PAUSED)
        elif deed == "resume" and phase is RolloutPhase.PAUSED:
            fleet.state = replace(fleet.state, phase=RolloutPhase.RUNNING)
        elif deed == "abort" and phase not in OVER:
            fleet.state = replace(fleet.state, phase=RolloutPhase.ABORTED)
        elif deed == "pin":
            fleet.state = replace(fleet.state, pins={**fleet.state.pins, name: OLD})
        elif deed == "heal":
            fleet.devices[name].fault = ""
        fleet.step(data.draw(st.sampled_from([0.1, 1.0, 11.0, 30.0]), "hours"))
    if fleet.state.phase in OVER:
        for _ in range(3):
            fleet.step()
        for name, m in fleet.state.members.items():
            if m.told_at is not None and m.phase not in (MemberPhase.SKIPPED,):
                assert fleet.devices[name].desired == OLD, "the newest instruction is the former release"
