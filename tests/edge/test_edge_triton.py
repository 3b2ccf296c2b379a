"""Releases through a real Triton server: fresh versions, crashes, and recording that does not notice them."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from activate_cases import make_place, needs_triton, running

from herdbook.edge.activate import Place, activate, read_active, recover, steps
from herdbook.edge.triton.host import TritonHost
from herdbook.edge.triton.repository import Model, Tensor, config_text, keep_only, write_version
from herdbook.errors import SwitchFailedError, TritonError
from herdbook.processes.sessions import session_members
from support.made_release import make_assignment, make_release
from support.plain_release import write_plain_release

IMAGES = Tensor(name="images", kind="tensor(float)", shape=(1, 3, None, None))
SCORES = Tensor(name="scores", kind="tensor(float)", shape=(1, None))


def release(place: Place, folder: Path, name: str, shade: float = 0.0) -> Path:
    return make_release(place.releases, write_plain_release(folder / f"{name}-source", shade=shade), name)


def crash(host: TritonHost) -> None:
    """End the server as a fault would, without its keeper's knowledge."""
    assert host._server is not None
    for pid in session_members(host._server.session, spare=[host._server.session]):
        os.kill(pid, signal.SIGKILL)


def test_the_configuration_names_exactly_the_versions_to_load(tmp_path: Path) -> None:
    model = Model("student.compact-1", "onnxruntime", tmp_path / "x", (IMAGES,), (SCORES,), threads=2)
    assert config_text(model, [7, 3]).splitlines() == [
        'name: "student.compact-1"',
        'backend: "python"',
        "max_batch_size: 0",
        'input [{ name: "images" data_type: TYPE_FP32 dims: [1, 3, -1, -1] }]',
        'output [{ name: "scores" data_type: TYPE_FP32 dims: [1, -1] }]',
        "version_policy: { specific: { versions: [3, 7] } }",
        "instance_group [{ kind: KIND_CPU count: 1 }]",
        'parameters { key: "threads" value: { string_value: "2" } }',
    ]
    plan = Model("student.compact-1", "tensorrt", tmp_path / "x", (IMAGES,), (SCORES,))
    assert config_text(plan, [7]).splitlines() == [
        'name: "student.compact-1"',
        'platform: "tensorrt_plan"',
        "max_batch_size: 0",
        'input [{ name: "images" data_type: TYPE_FP32 dims: [1, 3, -1, -1] }]',
        'output [{ name: "scores" data_type: TYPE_FP32 dims: [1, -1] }]',
        "version_policy: { specific: { versions: [7] } }",
        "instance_group [{ kind: KIND_GPU count: 1 }]",
    ]


def test_versions_are_written_whole_and_cleared_away(tmp_path: Path) -> None:
    (tmp_path / "engine").write_bytes(b"plan")
    models = tmp_path / "models"
    plan = Model("student.compact-1", "tensorrt", tmp_path / "engine", (IMAGES,), (SCORES,))
    (models / plan.name / ".2.part").mkdir(parents=True)
    write_version(models, plan, 1)
    write_version(models, plan, 2, beside=[1])
    assert (models / plan.name / "2" / "model.plan").read_bytes() == b"plan"
    assert "versions: [1, 2]" in (models / plan.name / "config.pbtxt").read_text()
    keep_only(models, [(plan.name, 2)])
    assert sorted(path.name for path in (models / plan.name).iterdir()) == ["2", "config.pbtxt"]
    keep_only(models, [])
    assert not list(models.iterdir())


def test_a_machine_without_a_server_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERDBOOK_TRITON", str(tmp_path / "nowhere"))
    with pytest.raises(TritonError, match="holds no Triton server"):
        TritonHost(tmp_path / "root").client()


@needs_triton
@pytest.mark.slow
def test_a_server_that_crashes_after_the_switch_is_started_again(tmp_path: Path) -> None:
    place = make_place(tmp_path / "root", serve="triton")
    with place.host:
        one, two = release(place, tmp_path, "compact-1"), release(place, tmp_path, "compact-2", shade=1)
        activate(place, one, make_assignment(one, 1))

        def crashes(step: str) -> None:
            if step == steps.POINTED:
                crash(place.host)

        activate(place, two, make_assignment(two, 2), told=crashes)
        assert running(place) == "compact-2"
        assert {served.model for served in place.host.client().index()} == {"student.compact-2", "behaviour.compact-2"}


@needs_triton
@pytest.mark.slow
def test_where_the_new_release_does_not_come_up_again_the_last_good_one_does(tmp_path: Path) -> None:
    place = make_place(tmp_path / "root", serve="triton")
    with place.host:
        one, two = release(place, tmp_path, "compact-1"), release(place, tmp_path, "compact-2", shade=1)
        activate(place, one, make_assignment(one, 1))

        def spoils(step: str) -> None:
            if step == steps.POINTED:
                graph = place.host.models / "student.compact-2" / "2" / "model.onnx"
                graph.write_bytes(b"spoiled by a dying disk")
                crash(place.host)

        with pytest.raises(SwitchFailedError, match="'compact-1' was restored"):
            activate(place, two, make_assignment(two, 2), told=spoils)
        assert running(place) == "compact-1"
        assert {served.model for served in place.host.client().index()} == {"student.compact-1", "behaviour.compact-1"}


@needs_triton
@pytest.mark.slow
def test_one_server_serves_all_processes_of_a_device_and_passes_on_when_its_keeper_ends(tmp_path: Path) -> None:
    place, other = (make_place(tmp_path / "root", serve="triton") for _ in range(2))
    one = release(place, tmp_path, "compact-1")
    with other.host:
        with place.host:
            activate(place, one, make_assignment(one, 1))
            assert other.host.client().address == place.host.client().address
            assert not other.host.keeps
        assert recover(other).now == getattr(read_active(place.releases), "now", None)
        assert other.host.keeps
