"""A version of the SAM 3 path, released: graphs that the device's engine runs without torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from registry_cases import origin
from release_cases import crown, ellipse_dataset

from herdbook.contracts.camera import Camera
from herdbook.contracts.release import Precision
from herdbook.edge.perception.network import read_network
from herdbook.edge.perception.parameters import Sam3Parameters
from herdbook.edge.perception.sam3 import TeacherFinder, make
from herdbook.edge.perception.sam3_graphs import GraphFinder
from herdbook.learning.evaluation.engine_file import read_engine
from herdbook.learning.registry.models import SAM3, register
from herdbook.learning.registry.tracking import start_run
from herdbook.learning.release.document import read_release
from herdbook.learning.release.fixtures import read_fixture
from herdbook.learning.release.make import make_release
from herdbook.learning.training.align_params import SubstituteParams
from herdbook.learning.training.export import write_weights
from herdbook.learning.training.system import blank_head, write_system
from herdbook.settings import Settings
from herdnet.parity import open_onnx
from herdnet.proof import fixture_error
from herdnet.sam3 import Teacher
from herdnet.sam3_config import SmallTeacher
from herdnet.sam3_runner import ROLES, Sam3Runner
from herdnet.student import Student, StudentConfig
from support.released import pictures

pytestmark = pytest.mark.slow

TINY = SmallTeacher(image_size=64, patch_size=8, channels=64, layers=2, window=2)
PARAMETERS = Sam3Parameters(points_per_side=4, key_frames=2)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random system with a student in the backbone's place, as the stage `substitute` writes it."""
    torch.manual_seed(0)
    eyes = Student(StudentConfig("mobilenetv3_small_050", image_size=64, grid=8, channels=64, width=16))
    folder, head = tmp_path_factory.mktemp("sam3") / "engine", blank_head("pig-9", 0.5)
    write_system(folder, Teacher.small(TINY, eyes).eval(), "pig-9", SubstituteParams(), score=0.1, head=head)
    write_weights(folder, head)
    return folder


@pytest.fixture(scope="module")
def folder(engine: Path, make_registry: Callable[[], Settings], tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings, read = make_registry(), read_engine(engine / "engine.yaml")
    with start_run(settings, "sam3", origin()) as run:
        files = [engine / "engine.yaml", *read.models]
        crown(settings, register(run, SAM3, files, read.digest, engine / "weights"))
    site = ellipse_dataset(tmp_path_factory.mktemp("site") / "dataset", train=2, validation=6)
    return make_release(settings, SAM3, "champion", dataset=site)


def test_it_holds_a_graph_for_each_part_and_no_weights_for_torch(folder: Path) -> None:
    release = read_release(folder)
    assert [network.role for network in release.networks] == [*ROLES, "behaviour"]
    assert all(n.allowed_error is not None and n.largest_error <= n.allowed_error for n in release.networks)
    assert not [file.name for file in release.files if file.name.endswith(".safetensors")]
    assert release.calibration is None
    (cost,) = release.accuracy
    assert cost.precision is Precision.FP16
    free = {shape.name for recipe in release.recipes for shape in recipe.shapes}
    assert {"points", "memories", "pointers", "features"} <= free
    cpu = release.recipe_for("cpu")
    assert cpu is not None
    assert [n.precision for n in release.networks_for(cpu)] == [Precision.FP32] * 5


def test_every_graph_proves_itself(folder: Path) -> None:
    for fixture in read_release(folder).fixtures:
        inputs, expected = read_fixture(folder / fixture.file)
        says = open_onnx(folder / f"{fixture.role}.fp32.onnx")
        assert fixture_error(expected, says(inputs)) <= fixture.tolerance


def test_the_devices_engine_sees_with_graphs_what_it_sees_with_torch(folder: Path, engine: Path) -> None:
    network = read_network(folder)
    graphs = GraphFinder(Sam3Runner.open(folder, ".fp32.onnx"), network, PARAMETERS)
    weights = TeacherFinder(Teacher.load(engine).eval(), network, PARAMETERS)
    frames = [np.ascontiguousarray(frame[:64, :64]) for frame in pictures(3, seed=5)[0]]
    for finder in (graphs, weights):
        finder.open(Camera(camera_id="cam", pen_id="pen", width=64, height=64, fps=1))
    seen = 0
    for frame in frames:
        one, other = graphs.find(frame), weights.find(frame)
        assert [sighting.score for sighting in one] == pytest.approx([s.score for s in other], abs=1e-3)
        for a, b in zip(one, other, strict=True):
            assert (a.mask == b.mask).mean() > 0.99
            assert float(a.embedding @ b.embedding) > 0.999
        seen += len(one)
    assert seen


def test_a_device_opens_the_folder_as_it_is(folder: Path) -> None:
    release = read_release(folder).use
    assert make(release, folder, PARAMETERS).release == release
