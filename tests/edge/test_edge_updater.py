"""The updater keeps a device at what it is assigned, and says at every stage where it stands."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, time
from pathlib import Path

import pytest
from activate_cases import make_config, make_place, named, point_at, running
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from herdbook.cli import app
from herdbook.contracts.activation import ClipDrift, DeviceReport, Drift, Reading, Stage
from herdbook.contracts.assignment import Assignment, Why, Window
from herdbook.edge import updates
from herdbook.edge.activate import Place, read_active
from herdbook.edge.activate.opened import Opened
from herdbook.edge.agent import create_agent
from herdbook.edge.config import write_device_config
from herdbook.edge.report import read_report, take_nudge
from herdbook.edge.triton.client import TritonClient
from herdbook.edge.triton.host import TritonHost
from herdbook.edge.updater import Updater
from herdbook.errors import (
    ConfigurationError,
    DeviceUnreachableError,
    DiskFullError,
    DriftReadingError,
    HerdbookError,
    TritonError,
)
from support.made_release import CPU, make_assignment, make_release
from support.plain_release import write_plain_release
from support.releases import assignment_document

NOON = datetime(2026, 6, 1, 11, tzinfo=UTC)
"""Noon on the farm."""


class LocalSource:
    """Folders that lie here already, in the installer's place."""

    def __init__(self) -> None:
        self.assignment: Assignment | None = None
        self.folder: Path | None = None
        self.kept: set[Path] = set()
        self.away = False

    def assign(self, folder: Path, number: int, **changes: object) -> None:
        self.folder, self.assignment = folder, make_assignment(folder, number, **changes)

    def assign_none(self, release_id: str, number: int) -> None:
        """The way back to device.yaml."""
        document = assignment_document(number=number, release_id=release_id, files=[], why="rollback")
        self.assignment = Assignment.model_validate(document)

    def look(self) -> Assignment | None:
        if self.away:
            raise DeviceUnreachableError("the platform does not answer")
        return self.assignment

    def fetch(self, assignment: Assignment) -> Path:
        assert self.folder is not None
        return self.folder

    def forget(self, keep: set[Path]) -> None:
        self.kept = keep


@pytest.fixture(scope="session")
def source_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_plain_release(tmp_path_factory.mktemp("plain") / "release")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return make_place(tmp_path / "root")


@pytest.fixture
def source() -> LocalSource:
    return LocalSource()


def test_a_release_is_taken_up_and_told_of(place: Place, source: LocalSource, source_folder: Path) -> None:
    seen: list[Stage] = []

    def drift(where: Place, opened: Opened) -> Drift:
        report = read_report(where.root)
        assert report is not None
        assert report.certificate is not None, "drift is read of an engine that proved itself"
        seen.append(report.stage)
        reading = Reading(tracklets=1, animal_s=10, behaviour_s={"lying": 10.0})
        clip = ClipDrift(clip="a.mp4", camera_id="cam-1", seconds=12, old=reading, new=reading)
        return Drift(old_release="motion-1", new_release=opened.release.use.release_id, clips=(clip,))

    place.built.mkdir()
    (place.built / f"{'a' * 64}.plan").write_bytes(b"of a release that is gone")
    updater = Updater(place, source, drift=drift)
    report = updater.start()
    assert (report.stage, report.actual, report.serving) == (Stage.IDLE, "motion-1", True)
    source.assign(make_release(place.releases, source_folder), 1, rollout_id=7)
    report = updater.once()
    assert (report.stage, report.desired, report.actual, report.assignment) == (Stage.IDLE, "compact-1", "compact-1", 1)
    assert report.certificate is not None
    assert report.certificate.proved
    assert report.drift is not None
    assert seen == [Stage.PROVING]
    assert read_report(place.root) == report
    assert source.kept == {source.folder}
    assert not list(place.built.iterdir())
    source.assign(source.folder, 2)
    before = read_active(place.releases)
    report = updater.once()
    after = read_active(place.releases)
    assert (report.stage, report.assignment) == (Stage.IDLE, 2)
    assert report.certificate is not None, "it is of these bytes, whatever asked for them"
    assert before is not None
    assert after is not None
    assert after.since == before.since, "the bytes that run are asked for again: nothing is switched"


def test_a_device_goes_back_to_the_engine_of_its_own_device_yaml(
    place: Place, source: LocalSource, source_folder: Path
) -> None:
    updater = Updater(place, source)
    source.assign(make_release(place.releases, source_folder), 1)
    assert updater.once().actual == "compact-1"
    source.assign_none("motion-1", 2)
    report = updater.once()
    assert (report.stage, report.desired, report.actual, report.assignment) == (Stage.IDLE, "motion-1", "motion-1", 2)
    assert (report.certificate, report.serving) == (None, True)
    active = read_active(place.releases)
    assert active is not None
    assert (active.now, active.previous) == (None, None), "a recorder would open what stood there"
    recorded = Updater(place, source).start()
    assert (recorded.actual, recorded.serving) == ("motion-1", True), "also after a restart"
    since = active.since
    assert updater.once().stage is Stage.IDLE
    again = read_active(place.releases)
    assert again is not None
    assert again.since == since, "nothing is switched twice"


@pytest.mark.parametrize(
    "release",
    [
        {"release_id": "motion-2", "engine": "motion"},
        {"release_id": "motion-1", "engine": "compact"},
    ],
)
def test_an_engine_that_nobody_signed_is_gone_back_to_only_without_networks(
    tmp_path: Path, source: LocalSource, release: dict[str, str]
) -> None:
    use = {"space_id": "look-1", "dimensions": 96, "ethogram_id": "pig-9"} | release
    place = make_place(tmp_path / "root", release=use, network=tmp_path)
    source.assign_none("motion-1", 1)
    report = Updater(place, source).once()
    assert report.failure is not None
    assert (report.failure.error, report.failure.final) == ("ReleaseUnusableError", True)


def test_a_refused_engine_is_told_once_and_not_tried_again(
    place: Place, source: LocalSource, source_folder: Path
) -> None:
    source.assign(make_release(place.releases, source_folder, spoil=1.0), 1)
    updater = Updater(place, source)
    report = updater.once()
    assert report.failure is not None
    assert (report.stage, report.failure.stage, report.failure.exit_code) == (Stage.FAILED, Stage.PROVING, 98)
    assert report.failure.final
    assert report.certificate is not None
    assert not report.certificate.proved
    assert (report.actual, report.serving) == ("motion-1", True)
    made_at = report.certificate.made_at
    again = Updater(place, source).once()
    assert again.certificate is not None
    assert (again.stage, again.certificate.made_at) == (Stage.FAILED, made_at), "also after a restart"


def test_the_way_back_has_no_gates_to_pass(place: Place, source: LocalSource, source_folder: Path) -> None:
    def drift(_: Place, __: Opened) -> Drift:
        raise DriftReadingError("the bad release crashes on every clip")

    slow = CPU | {"budget": {"latency_ms": 1e-6, "memory_mib": 1e-6}}
    source.assign(make_release(place.releases, source_folder, recipe=slow), 1, why=Why.ROLLBACK)
    report = Updater(place, source, drift=drift).once()
    assert (report.stage, report.actual, report.failure) == (Stage.IDLE, "compact-1", None)
    assert report.certificate is not None
    assert [missed.split(":")[0] for missed in report.certificate.waived] == ["latency", "memory"]
    source.assign(make_release(place.releases, source_folder, "compact-2", spoil=1.0), 2, why=Why.ROLLBACK)
    report = Updater(place, source).once()
    assert (report.stage, report.actual) == (Stage.FAILED, "compact-1"), "what answers wrongly is no way back"


def test_a_platform_that_is_away_is_asked_again(place: Place, source: LocalSource) -> None:
    updater = Updater(place, source)
    updater.once()
    source.away = True
    report = updater.once()
    assert report.failure is not None
    assert (report.failure.stage, report.failure.final) == (Stage.FETCHING, False), "not where the last pass ended"
    source.away = False
    assert updater.once().serving


def test_it_waits_for_its_window(place: Place, source: LocalSource, source_folder: Path) -> None:
    window = Window(begins=time(22), ends=time(4))
    source.assign(make_release(place.releases, source_folder), 1, window=window.model_dump(mode="json"))
    assert Updater(place, source).once(NOON).stage is Stage.WAITING
    assert running(place) is None


def test_a_fault_of_its_own_is_told_and_ends_nothing(
    place: Place, source: LocalSource, source_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drift(_: Place, __: Opened) -> Drift:
        raise TypeError("can't compare offset-naive and offset-aware times")

    source.assign(make_release(place.releases, source_folder), 1)
    failure = Updater(place, source, drift=drift).once().failure
    assert failure is not None
    assert (failure.error, failure.exit_code, failure.final) == ("TypeError", 1, False)
    assert failure.message.startswith("TypeError: can't compare")
    assert Updater(place, source).once().actual == "compact-1"

    def breaks(*_: object, **__: object) -> None:
        stop.set()
        raise RuntimeError("not today")

    stop, said = threading.Event(), list[str]()
    monkeypatch.setattr(updates, "update", breaks)
    updates.update_beside(
        place.root, make_config(updates={"url": "https://releases.example"}), stop, said.append
    ).join()
    assert said == ["the updater failed: RuntimeError: not today; it begins again"]


def test_what_no_longer_comes_up_gives_way_and_is_said_to_have(
    place: Place, source: LocalSource, source_folder: Path
) -> None:
    folders = [make_release(place.releases, source_folder, name) for name in ("compact-1", "compact-2")]
    one, two = (named(place, folder, number) for number, folder in enumerate(folders, start=1))
    source.assign(folders[1], 2)
    point_at(place, two, one)
    assert Updater(place, source).once().assignment == 2
    (folders[1] / "student.onnx").write_bytes(b"spoiled")
    report = Updater(place, source).start()
    assert (report.actual, report.stage) == ("compact-1", Stage.FAILED)
    assert report.failure is not None
    assert (report.failure.exit_code, report.failure.final) == (100, True)
    assert Updater(place, source).once().stage is Stage.FAILED


@pytest.mark.parametrize("error", [TritonError("the Triton server is not ready after 60 s"), DiskFullError("full")])
def test_a_server_that_does_not_come_up_is_waited_for_and_says_nothing_against_a_release(
    tmp_path: Path, source: LocalSource, source_folder: Path, error: HerdbookError, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def client(_: TritonHost) -> TritonClient:
        asked.append(error)
        raise error

    monkeypatch.setattr(TritonHost, "client", client)
    place = make_place(tmp_path / "root", serve="triton")
    folders = [make_release(place.releases, source_folder, name) for name in ("compact-1", "compact-2")]
    one, two = (named(place, folder, number) for number, folder in enumerate(folders, start=1))
    source.assign(folders[1], 2)
    point_at(place, two, one)
    before = read_active(place.releases)
    updater = Updater(place, source)
    for come_up in (updater.start, updater.once):
        asked.clear()
        report = come_up()
        assert (report.actual, report.serving, report.failure) == ("compact-2", False, None)
        assert read_active(place.releases) == before
        assert asked, "it is tried again on every pass"


def test_the_agent_tells_it_takes_nudges_and_offers_plans(place: Place, source: LocalSource) -> None:
    config = make_config()
    key = {"Authorization": "Bearer a-token-of-forty-characters-for-the-tests"}
    agent = TestClient(create_agent(place.root, config, key["Authorization"].split()[1], lambda: NOON), headers=key)
    report = DeviceReport.model_validate(agent.get("/v1/release").json())
    assert (report.actual, report.stage, report.now) == ("motion-1", Stage.IDLE, NOON)
    Updater(place, source).once()
    assert DeviceReport.model_validate(agent.get("/v1/release").json()).hardware == place.hardware
    assert not take_nudge(place.root)
    assert agent.post("/v1/release/check").status_code == 202
    assert take_nudge(place.root)
    place.built.mkdir()
    (place.built / f"{'a' * 64}.plan").write_bytes(b"plan")
    assert agent.get(f"/v1/plans/{'a' * 64}").content == b"plan"
    assert agent.get(f"/v1/plans/{'a' * 64}", headers={"Range": "bytes=2-"}).content == b"an"
    assert agent.get(f"/v1/plans/{'b' * 64}").status_code == 404
    assert agent.get("/v1/plans/..%2fpassword").status_code in (404, 422)
    assert agent.get("/v1/release", headers={"Authorization": "Bearer no"}).status_code == 401
    assert CPU["sku"] == report.hardware.sku


def test_a_device_that_is_told_no_place_of_updates_says_so(tmp_path: Path) -> None:
    write_device_config(tmp_path / "device.yaml", make_config())
    found = CliRunner().invoke(app, ["edge", "update", "--once", "--root", str(tmp_path)])
    assert isinstance(found.exception, ConfigurationError)
    assert "names no place of updates" in found.exception.message
