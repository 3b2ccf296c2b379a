"""ONNX and int8: the same answers, small files, nothing in them about this machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from herdnet.compact import ORIN, POCKET, CompactConfig, CompactStudent, Detections, read
from herdnet.errors import ExportError, ShapeError
from herdnet.export import drop_caches, export_onnx
from herdnet.parity import OnnxNetwork, differences, drift, proposal_differences
from herdnet.quantise_onnx import quantise_onnx

pytest.importorskip("onnxscript", reason="torch's ONNX exporter needs onnxscript")

SMALL = replace(POCKET, image_size=(96, 128), proposals=6)
LIMIT_MB = 10.0


def exported(config: CompactConfig, folder: Path) -> tuple[CompactStudent, Path]:
    torch.manual_seed(0)
    student = CompactStudent(config)
    return student, export_onnx(student, torch.rand(1, 3, *config.image_size), folder / "s.onnx", Detections._fields)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[CompactStudent, Path]:
    return exported(SMALL, tmp_path_factory.mktemp("onnx"))


@pytest.fixture(scope="module")
def int8(small: tuple[CompactStudent, Path]) -> Path:
    frames = np.random.default_rng(0).random((4, 1, 3, 96, 128), np.float32)
    return quantise_onnx(small[1], small[1].with_name("s.int8.onnx"), iter(frames))


def test_onnx_says_what_torch_says(small: tuple[CompactStudent, Path]) -> None:
    student, path = small
    images = torch.rand(1, 3, 96, 128)
    here = {name: value.numpy() for name, value in read(student, images)._asdict().items()}
    found, matched = proposal_differences(here, OnnxNetwork(path)(images.numpy()), score=0.0)
    assert matched == 1
    assert all(one.largest < 1e-3 and one.cosine > 0.99999 for one in found.values()), found
    assert student.training


def test_the_graph_has_fixed_shapes_and_one_file(small: tuple[CompactStudent, Path]) -> None:
    graph = onnx.load(str(small[1])).graph
    shapes = {o.name: [d.dim_value for d in o.type.tensor_type.shape.dim] for o in graph.output}
    assert list(shapes) == list(Detections._fields)
    assert shapes["masks"] == [1, 6, 48, 64]
    assert [entry.name for entry in small[1].parent.iterdir() if "int8" not in entry.name] == ["s.onnx"]


def test_the_file_tells_nothing_of_this_machine(small: tuple[CompactStudent, Path]) -> None:
    content = small[1].read_bytes()
    assert str(Path.cwd()).encode() not in content
    assert b"stack_trace" not in content
    assert b"site-packages" not in content
    assert any(n.name.startswith("decoder.filters") for n in onnx.load(str(small[1])).graph.node)


@pytest.mark.slow
def test_a_network_that_was_used_exports_as_small_as_a_new_one(tmp_path: Path) -> None:
    # cached attention biases would be written out in full
    torch.manual_seed(0)
    config = replace(SMALL, trunk="tiny_vit_5m_224", image_size=(64, 64))
    student = CompactStudent(config)
    image = torch.rand(1, 3, 64, 64)
    fresh = export_onnx(student, image, tmp_path / "fresh.onnx", Detections._fields).stat().st_size
    student.eval()(image)
    used = export_onnx(student, image, tmp_path / "used.onnx", Detections._fields).stat().st_size
    assert used <= fresh * 1.01


def test_caches_are_dropped() -> None:
    student = CompactStudent(replace(SMALL, trunk="tiny_vit_5m_224", image_size=(64, 64)))
    student.eval()(torch.rand(1, 3, 64, 64))
    cached = [m for m in student.modules() if getattr(m, "attention_bias_cache", None)]
    assert cached
    drop_caches(student)
    assert not [m for m in cached if m.attention_bias_cache]


def test_int8_has_explicit_symmetric_nodes(int8: Path) -> None:
    graph = onnx.load(str(int8)).graph
    kinds = [node.op_type for node in graph.node]
    assert kinds.count("QuantizeLinear") > 20
    zeros = {n.input[2] for n in graph.node if n.op_type == "QuantizeLinear" and len(n.input) == 3}
    points = {i.name: onnx.numpy_helper.to_array(i) for i in graph.initializer if i.name in zeros}
    assert points
    assert all((value == 0).all() and value.dtype == np.int8 for value in points.values())


def test_int8_keeps_products_of_two_activations_and_the_filters_float(int8: Path) -> None:
    graph = onnx.load(str(int8)).graph
    made = {name: node for node in graph.node for name in node.output}
    for node in graph.node:
        if node.op_type in ("MatMul", "Gemm") and node.name.startswith("decoder.filters"):
            assert not [i for i in node.input if i in made and made[i].op_type == "DequantizeLinear"]


def test_int8_of_the_light_profile_is_far_below_the_limit(int8: Path, small: tuple[CompactStudent, Path]) -> None:
    assert int8.stat().st_size < 4e6
    assert int8.stat().st_size < 0.45 * small[1].stat().st_size


@pytest.mark.slow
def test_int8_of_the_edge_profile_is_under_10_mb(tmp_path: Path) -> None:
    _, path = exported(ORIN, tmp_path)
    frames = np.random.default_rng(0).random((1, 1, 3, *ORIN.image_size), np.float32)
    size = quantise_onnx(path, tmp_path / "s.int8.onnx", iter(frames)).stat().st_size
    assert size / 1e6 < LIMIT_MB


def test_ranges_come_from_every_frame_whatever_their_order(small: tuple[CompactStudent, Path], tmp_path: Path) -> None:
    frames = np.random.default_rng(0).random((32, 1, 3, 96, 128), np.float32) * 0.1
    frames[0] *= 10
    graphs = [
        onnx.load(str(quantise_onnx(small[1], tmp_path / f"{k}.onnx", iter(frames[::step])))).graph
        for k, step in enumerate((1, -1))
    ]
    one, other = ({i.name: i.SerializeToString() for i in graph.initializer} for graph in graphs)
    assert one == other


def test_drift_of_a_network_from_itself_is_nothing(small: tuple[CompactStudent, Path], int8: Path) -> None:
    frames = list(np.random.default_rng(1).random((2, 1, 3, 96, 128), np.float32))
    found = drift(small[1], small[1], frames, score=1e-3)
    assert found == {"matched": 1.0, "mask_iou": 1.0, "embedding_cosine": pytest.approx(1), "score": 0.0}
    assert np.isnan(drift(small[1], int8, frames, score=0.99)["matched"])  # nothing above the score


def test_differences_by_hand() -> None:
    one, two = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    found = differences({"a": one}, {"a": two})["a"]
    assert (found.largest, found.cosine, found.values) == (1.0, 0.0, 2)
    with pytest.raises(ShapeError, match="a"):
        differences({"a": one}, {})


def test_proposals_are_matched_by_place_not_by_order() -> None:
    points = np.array([[[1.0, 1.0], [50.0, 50.0]]])
    here = {"scores": np.array([[0.9, 0.8]]), "points": points}
    there = {"scores": np.array([[0.8, 0.9]]), "points": points[:, ::-1]}
    found, matched = proposal_differences(here, there)
    assert matched == 1
    assert found["scores"].largest == 0


def test_what_cannot_be_done_is_said(small: tuple[CompactStudent, Path], tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="calibration"):
        quantise_onnx(small[1], tmp_path / "x.onnx", iter(()))
    (tmp_path / "broken.onnx").write_bytes(b"no graph")
    with pytest.raises(ExportError, match="broken"):
        OnnxNetwork(tmp_path / "broken.onnx")

    class Odd(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if x.sum() > 0 else -x

    with pytest.raises(ExportError, match="Odd"):
        export_onnx(Odd(), torch.rand(1, 3, 8, 8), tmp_path / "odd.onnx", ["y"])
    assert not list(tmp_path.glob("*odd*"))
