"""Taking up a release in the recorder's own process: what is proved runs, what is not changes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from activate_cases import make_place, named, point_at, running

from herdbook.contracts.activation import EngineCertificate
from herdbook.contracts.durable import write_durably
from herdbook.edge.activate import Place, activate, read_active, recover, state, steps, switch
from herdbook.edge.activate.opened import Opened
from herdbook.edge.activate.using import is_paused
from herdbook.errors import (
    ActivationError,
    DiskFullError,
    EngineRefusedError,
    HerdbookError,
    ReleaseUnusableError,
    SwitchFailedError,
    TritonError,
)
from support.made_release import CPU, make_assignment, make_release
from support.plain_release import write_plain_release


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_plain_release(tmp_path_factory.mktemp("plain") / "release")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return make_place(tmp_path / "root")


def installed(place: Place, plain: Path, release_id: str = "compact-1", **changes: object) -> Path:
    return make_release(place.releases, plain, release_id, **changes)  # type: ignore[arg-type]


def test_a_release_that_proves_itself_runs_and_the_one_before_stays(place: Place, plain: Path) -> None:
    told: list[str] = []
    for number, name in enumerate(("compact-1", "compact-2"), start=1):
        folder = installed(place, plain, name)
        certificate = activate(place, folder, make_assignment(folder, number), told=told.append)
        assert certificate.proved
        assert all(parity.holds for parity in certificate.parity)
    active = read_active(place.releases)
    assert active is not None
    assert active.now is not None
    assert active.previous is not None
    assert (active.now.use.release_id, active.previous.use.release_id) == ("compact-2", "compact-1")
    assert active.now.version > active.previous.version
    through_triton = {steps.ROOM, steps.WRITTEN, steps.LOADED}
    assert told[len(told) // 2 :] == [step for step in steps.STEPS if step not in through_triton]
    written = place.certificates / active.now.certificate
    assert EngineCertificate.model_validate_json(written.read_bytes()) == certificate


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"spoil": 1.0}, "parity"),
        ({"recipe": CPU | {"budget": {"latency_ms": 1e-6, "memory_mib": 2000}}}, "latency"),
        ({"recipe": CPU | {"budget": {"latency_ms": 5000, "memory_mib": 1e-6}}}, "memory"),
    ],
)
def test_an_engine_that_does_not_prove_itself_is_refused_and_says_why(
    place: Place, plain: Path, changes: dict[str, object], problem: str
) -> None:
    good = installed(place, plain)
    activate(place, good, make_assignment(good))
    bad = installed(place, plain, "compact-2", **changes)
    with pytest.raises(EngineRefusedError, match=problem):
        activate(place, bad, make_assignment(bad, 2))
    assert running(place) == "compact-1"
    written = json.loads(next(place.certificates.glob("compact-2-*.json")).read_bytes())
    assert problem in written["problems"][0]


def test_a_damaged_file_is_found_before_it_runs(place: Place, plain: Path) -> None:
    folder = installed(place, plain)
    student = folder / "student.onnx"
    student.write_bytes(student.read_bytes()[:200])
    with pytest.raises(ActivationError, match=r"student\.onnx is not what the release says"):
        activate(place, folder, make_assignment(folder))
    assert running(place) is None


def test_a_release_without_a_recipe_for_this_machine_is_refused(place: Place, plain: Path) -> None:
    folder = installed(place, plain, recipe=CPU | {"sku": "orin-nx-16"})
    with pytest.raises(ReleaseUnusableError, match="no recipe for SKU 'cpu', only for orin-nx-16"):
        activate(place, folder, make_assignment(folder))


def test_a_full_disk_leaves_what_ran(place: Place, plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = installed(place, plain)
    activate(place, good, make_assignment(good))
    folder = installed(place, plain, "compact-2")

    def full(step: str) -> None:
        if step == steps.PROBED:
            raise DiskFullError("no space left")

    with pytest.raises(DiskFullError):
        activate(place, folder, make_assignment(folder, 2), told=full)
    assert running(place) == "compact-1"


def test_a_disk_that_is_full_once_the_switch_is_made_does_not_call_it_off(
    place: Place, plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = installed(place, plain)
    activate(place, good, make_assignment(good))

    def write(path: Path, content: bytes) -> None:
        if path.name == state.BACKUP:
            raise DiskFullError(f"no space left for {path}")
        write_durably(path, content)

    monkeypatch.setattr(state, "write_durably", write)
    folder = installed(place, plain, "compact-2")
    activate(place, folder, make_assignment(folder, 2))
    assert running(place) == "compact-2"
    (place.releases / "active.json").write_bytes(b"{")
    assert recover(place).now is not None, "the older copy names a release that is still there"


def test_recorders_are_out_for_the_proof_and_the_switch_but_not_for_the_drift_reading(
    tmp_path: Path, plain: Path
) -> None:
    place = make_place(tmp_path / "tight", spare_memory_mib=1 << 29)
    folder = installed(place, plain)
    seen: dict[str, bool] = {}

    def told(step: str) -> None:
        seen[step] = is_paused(place.root)

    def between(_: EngineCertificate, __: Opened) -> None:
        seen["drift"] = is_paused(place.root)

    activate(place, folder, make_assignment(folder), told=told, between=between)
    out = [step for step in seen if seen[step]]
    assert set(out) == {steps.ROOM, steps.PROVING, steps.CERTIFIED, steps.SWITCHING, steps.PROBED, steps.POINTED}
    assert not seen["drift"]


def fails_from_now_on(monkeypatch: pytest.MonkeyPatch, error: HerdbookError) -> None:
    def bring_up(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(switch, "bring_up", bring_up)


@pytest.mark.parametrize("error", [TritonError("not ready after 60 s"), DiskFullError("no space left")])
def test_a_machine_that_brings_up_neither_release_keeps_the_new_one_named(
    place: Place, plain: Path, error: HerdbookError, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [installed(place, plain, name) for name in ("compact-1", "compact-2")]
    activate(place, folders[0], make_assignment(folders[0], 1))

    def told(step: str) -> None:
        if step == steps.POINTED:
            fails_from_now_on(monkeypatch, error)

    with pytest.raises(type(error)):
        activate(place, folders[1], make_assignment(folders[1], 2), told=told)
    active = read_active(place.releases)
    assert active is not None
    assert active.previous is not None
    assert (running(place), active.previous.use.release_id) == ("compact-2", "compact-1")


def test_a_release_that_answers_wrongly_gives_way_also_to_one_that_is_not_up_yet(
    place: Place, plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = (named(place, installed(place, plain, name), n) for n, name in enumerate(("compact-1", "compact-2"), 1))
    point_at(place, two, one)
    fails_from_now_on(monkeypatch, TritonError("not ready after 60 s"))
    active = read_active(place.releases)
    assert active is not None
    with pytest.raises(SwitchFailedError, match="'compact-1' was restored"):
        switch.restore(place, active, EngineRefusedError("it answers wrongly"))
    assert running(place) == "compact-1"


def test_damaged_pointers_are_not_believed(place: Place, plain: Path) -> None:
    folder = installed(place, plain)
    activate(place, folder, make_assignment(folder))
    pointer, backup = place.releases / "active.json", place.releases / "active.backup.json"
    pointer.write_bytes(pointer.read_bytes().replace(b"compact-1", b"compact-9"))
    assert running(place) == "compact-1", "the second copy says what runs"
    recover(place)
    backup.write_bytes(b"{")
    pointer.write_bytes(b"")
    assert recover(place).now is None, "the engine of device.yaml works on its own"


def test_damaged_engines_give_way_to_the_last_good_release(place: Place, plain: Path) -> None:
    for number, name in enumerate(("compact-1", "compact-2"), start=1):
        folder = installed(place, plain, name)
        activate(place, folder, make_assignment(folder, number))
    student = folder / "student.onnx"
    student.write_bytes(bytes(reversed(student.read_bytes())))
    chosen = recover(place)
    assert chosen.now is not None
    assert (chosen.now.use.release_id, running(place)) == ("compact-1", "compact-1")
    assert recover(place) == chosen
