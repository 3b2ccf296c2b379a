"""A version of the compact student, released from the registry alone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from registry_cases import digest_of, origin
from release_cases import crown, ellipse_dataset, taught_version

from herdbook.contracts.durable import make_folder
from herdbook.contracts.release import Precision, Release
from herdbook.edge.perception.compact import make
from herdbook.edge.perception.parameters import CompactParameters
from herdbook.errors import NotFoundError, ReleaseNotProvedError, ReleaseRefusedError
from herdbook.learning.datasets.sources import SourceList
from herdbook.learning.params import load_params
from herdbook.learning.registry.models import MODELS, download, register, require
from herdbook.learning.registry.tracking import start_run
from herdbook.learning.release import frames
from herdbook.learning.release.compact import write_compact
from herdbook.learning.release.document import read_release
from herdbook.learning.release.fixtures import read_fixture
from herdbook.learning.release.made import Asked, Compared
from herdbook.learning.release.make import make_release, plan_release
from herdbook.learning.release.materials import gathered
from herdbook.learning.release.recipes import load_recipes
from herdbook.learning.release.version import choose
from herdbook.learning.workspace import create_workspace
from herdbook.learning.workspace.tools import dvc
from herdbook.settings import Settings
from herdnet.parity import open_onnx
from herdnet.proof import fixture_error

pytestmark = pytest.mark.slow

MODEL = "herdbook-compact"
DATASET = frames.LEAST + 40
"""Frames to learn from: the site's own, enough to calibrate on."""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ellipse_dataset(tmp_path_factory.mktemp("site") / "dataset", train=DATASET, validation=48)


@pytest.fixture(scope="module")
def settings(make_registry: Callable[[], Settings], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Version 1 is champion, version 2 was made from what nobody committed, version 3 was never champion."""
    settings = make_registry()
    crown(settings, taught_version(settings, tmp_path_factory.mktemp("one")))
    for name, dirty in (("two", True), ("three", False)):
        taught_version(settings, tmp_path_factory.mktemp(name), dirty=dirty, steps=0)
    return settings


@pytest.fixture(scope="module")
def folder(settings: Settings, dataset: Path) -> Path:
    return make_release(settings, MODEL, "champion", dataset=dataset)


@pytest.fixture(scope="module")
def release(folder: Path) -> Release:
    return read_release(folder)


def test_it_says_what_is_in_it_and_where_that_comes_from(release: Release, folder: Path) -> None:
    assert folder.name == release.use.release_id
    assert release.use.release_id.startswith("compact-1-")
    assert (release.use.space_id, release.use.ethogram_id) == ("compact-test", "pig-9")
    assert [(n.role, n.precision.value) for n in release.networks] == [
        ("student", "fp32"),
        ("student", "int8"),
        ("behaviour", "fp32"),
    ]
    origin = release.provenance
    assert (origin.model, origin.version, origin.git_revision) == (MODEL, 1, "a" * 40)
    assert not release.lab
    assert {shape.name for recipe in release.recipes for shape in recipe.shapes} == {"features", "present"}


def test_graphs_are_what_torch_says_on_random_inputs_of_several_sizes(release: Release) -> None:
    whole = [network for network in release.networks if network.precision is Precision.FP32]
    assert all(n.allowed_error is not None and n.largest_error <= n.allowed_error for n in whole)


def test_int8_is_calibrated_on_the_sites_own_frames_even_over_its_strata(release: Release, folder: Path) -> None:
    told = release.calibration
    assert told is not None
    assert told.frames == frames.LEAST == sum(told.strata.values())
    assert len(told.strata) == 12  # two cameras, three lights, apart or touching
    kinds = {node.op_type for node in onnx.load(str(folder / "student.int8.onnx")).graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= kinds
    assert (folder / "student.int8.onnx").stat().st_size < 10e6


def test_each_precision_has_its_cost_on_labelled_frames(release: Release) -> None:
    costs = {cost.precision: cost for cost in release.accuracy}
    assert set(costs) == {Precision.FP16, Precision.INT8}
    for cost in costs.values():
        assert cost.frames == 48
        assert cost.fp32["moda"] > 0.3  # it does find ellipses
        assert set(cost.difference) == set(cost.fp32) >= {"moda", "mask_iou", "same_embedding_cosine"}
    assert abs(costs[Precision.FP16].difference["moda"]) < 0.02
    assert costs[Precision.INT8].difference["same_embedding_cosine"] > -0.2


def test_the_device_opens_the_folder_as_it_is(release: Release, folder: Path) -> None:
    engine = make(release.use, folder, CompactParameters())
    assert engine.release.release_id == release.use.release_id


# -- parity -----------------------------------------------------------------------------------------------------------


def errors(
    release: Release, folder: Path, graph: Path, precision: str, role: str = "student"
) -> list[tuple[float, float]]:
    """Of each fixture: how far a graph is from it, and how far it may be."""
    says, found = open_onnx(graph), []
    for fixture in release.fixtures:
        if (fixture.role, fixture.precision.value) == (role, precision):
            inputs, expected = read_fixture(folder / fixture.file)
            found.append((fixture_error(expected, says(inputs)), fixture.tolerance))
    assert found
    return found


def changed(graph: Path, target: Path, change: Callable[[str, np.ndarray], np.ndarray]) -> Path:
    """The same graph with other weights."""
    model = onnx.load(str(graph))
    for entry in model.graph.initializer:
        values = numpy_helper.to_array(entry)
        if values.dtype == np.float32 and values.ndim >= 2:
            entry.CopyFrom(numpy_helper.from_array(change(entry.name, values).astype(np.float32), entry.name))
    onnx.save_model(model, str(target))
    return target


@pytest.mark.parametrize(("role", "precision"), [("student", "fp32"), ("student", "int8"), ("behaviour", "fp32")])
def test_a_graph_proves_itself(release: Release, folder: Path, role: str, precision: str) -> None:
    graph = folder / f"{role}.{precision}.onnx"
    assert all(off <= allowed for off, allowed in errors(release, folder, graph, precision, role))


def test_weights_rounded_to_half_precision_are_the_same_engine(release: Release, folder: Path, tmp_path: Path) -> None:
    rounded = changed(folder / "student.fp32.onnx", tmp_path / "r.onnx", lambda _, w: w.astype(np.float16))
    assert all(off <= allowed for off, allowed in errors(release, folder, rounded, "fp32"))


def test_a_wrong_weight_anywhere_is_another_engine(release: Release, folder: Path, tmp_path: Path) -> None:
    graph = folder / "student.fp32.onnx"
    weights = [e for e in onnx.load(str(graph)).graph.initializer if e.data_type == 1 and len(e.dims) == 4]
    names = [e.name for e in weights if e.name.endswith("weight") and e.dims[0] > 1]
    assert len(names) > 20
    for name in names[:: len(names) // 5]:
        wrong = changed(graph, tmp_path / "w.onnx", lambda n, w, name=name: w[::-1] if n == name else w)
        assert any(off > allowed for off, allowed in errors(release, folder, wrong, "fp32")), name


def test_a_picture_in_another_order_of_colours_is_another_engine(release: Release, folder: Path) -> None:
    says = open_onnx(folder / "student.fp32.onnx")
    found = []
    for fixture in release.fixtures:
        if (fixture.role, fixture.precision) == ("student", Precision.FP32):
            inputs, expected = read_fixture(folder / fixture.file)
            turned = np.ascontiguousarray(inputs["images"][:, ::-1])
            found.append(fixture_error(expected, says({"images": turned})) > fixture.tolerance)
    assert any(found)


def test_an_engine_that_lacks_an_output_or_says_nan_proves_nothing() -> None:
    one = {"a": np.ones(3)}
    assert fixture_error(one, {}) == float("inf")
    assert fixture_error(one, {"a": np.array([1, np.nan, 1])}) == float("inf")
    assert fixture_error(one, {"a": np.ones(4)}) == float("inf")


def test_a_graph_that_is_not_what_torch_says_is_not_released() -> None:
    found = Compared("the student")
    found.add({"a": np.full(3, 100.0)}, {"a": np.full(3, 100.05)}, "this")
    with pytest.raises(ReleaseNotProvedError, match="from torch in 'a' on that"):
        found.add({"a": np.full(3, 100.0)}, {"a": np.full(3, 100.2)}, "that")
    assert (found.largest, found.allowed) == (pytest.approx(0.05), pytest.approx(0.1))


# -- the same again, and what is refused ------------------------------------------------------------------------------


def test_the_same_version_gives_the_same_release_to_the_byte(
    settings: Settings, dataset: Path, folder: Path, tmp_path: Path
) -> None:
    kept = shutil.copytree(folder, tmp_path / folder.name)
    shutil.rmtree(folder)
    again = make_release(settings, MODEL, 1, dataset=dataset)
    assert again == folder
    for path in kept.iterdir():
        assert (again / path.name).read_bytes() == path.read_bytes(), path.name
    assert not list(again.parent.glob(".part*"))


def test_what_was_not_committed_is_refused_for_the_lab_too(settings: Settings, dataset: Path) -> None:
    with pytest.raises(ReleaseRefusedError, match="not committed"):
        make_release(settings, MODEL, 2, dataset=dataset, lab=True)


def test_what_was_never_champion_is_refused_unless_it_is_for_the_lab(settings: Settings, dataset: Path) -> None:
    with pytest.raises(ReleaseRefusedError, match="never champion"):
        plan_release(settings, MODEL, 3, dataset=dataset)
    plan = plan_release(settings, MODEL, 3, dataset=dataset, lab=True)
    assert plan.chosen.lab
    assert plan.frames == frames.LEAST
    with pytest.raises(NotFoundError, match="no version"):
        plan_release(settings, MODEL, 9, dataset=dataset)


def test_too_few_frames_are_refused_unless_a_person_says_so(settings: Settings, tmp_path: Path) -> None:
    few = ellipse_dataset(tmp_path / "few", train=9, validation=4)
    before = sorted((settings.releases / "made").iterdir())
    with pytest.raises(ReleaseRefusedError, match="its dataset has 9"):
        make_release(settings, MODEL, 1, dataset=few)
    assert sorted((settings.releases / "made").iterdir()) == before
    chosen = frames.calibration_frames(_opened(few), few=True)
    assert len(chosen) == 9


def test_an_int8_graph_over_the_limit_is_refused(settings: Settings, dataset: Path, tmp_path: Path) -> None:
    asked = Asked(few_frames=True, limit_bytes=100_000)
    with (
        gathered(settings, choose(settings, MODEL, 1), dataset) as materials,
        pytest.raises(ReleaseNotProvedError, match="100,000 are allowed"),
    ):
        write_compact(tmp_path, materials, asked, load_recipes().steps)


def test_a_version_of_elsewhere_needs_a_dataset(settings: Settings) -> None:
    with pytest.raises(NotFoundError, match="dataset is not known here") as refused:
        make_release(settings, MODEL, 1)
    assert "--dataset" in refused.value.remedy


def test_the_dataset_comes_from_the_runs_commit_when_its_workspace_is_gone(settings: Settings, tmp_path: Path) -> None:
    workspace = create_workspace(settings, "gone", load_params(), SourceList())
    ellipse_dataset(workspace.folder / "data" / "dataset", train=9, validation=4)
    dvc(workspace.folder, "commit", "--force", "dataset")  # as if the stage had made it
    workspace.commit("gone: dataset")
    chosen = replace(choose(settings, MODEL, 1), run_name="gone", revision=workspace.revision())
    shutil.rmtree(workspace.folder)
    with gathered(settings, chosen) as materials:
        assert len(materials.dataset.frames()) == 13
        assert materials.weights.name == "weights"
    assert not list((settings.registry / "runs").glob("release-*"))


def test_two_models_of_one_run_keep_their_own_files(make_registry: Callable[[], Settings], tmp_path: Path) -> None:
    settings = make_registry()
    with start_run(settings, "both", origin()) as run:
        for model in MODELS:
            file = make_folder(tmp_path / model) / "engine.yaml"
            file.write_text(model)
            register(run, model, [file], digest_of(model))
    for model in MODELS:
        version = require(settings, model, "challenger")
        assert (download(settings, version, tmp_path) / "engine.yaml").read_text() == model
        assert version.place == model


def _opened(folder: Path) -> Any:
    from herdbook.learning.datasets.reading import Dataset

    return Dataset(folder)
