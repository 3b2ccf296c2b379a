"""Release folders of the compact engine whose graphs are a few lines of arithmetic: made at once, without torch.

Whatever is in the picture, the student sees one lying animal in its middle; `shade` is what tells two students apart.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from herdbook.contracts.ethogram import load_ethogram
from herdbook.edge.perception.network import BehaviourNetwork, NetworkFile, write_network
from herdnet.behaviour_features import feature_names

BEHAVIOURS = load_ethogram("pig-9").names
HEIGHT, WIDTH, STRIDE, DIMENSIONS = 64, 96, 2, 16
_FLOAT = TensorProto.FLOAT


def write_plain_release(folder: Path, *, shade: float = 0.0, padding: int = 0, lies: bool = False) -> Path:
    """A release folder; `padding` numbers make the student's file larger; one that `lies` calls every animal lying."""
    folder.mkdir(parents=True)
    onnx.save(_student(shade, padding), folder / "student.onnx")
    names = feature_names(BEHAVIOURS, ())
    onnx.save(_behaviour(len(names), shade, lies=lies), folder / "behaviour.onnx")
    count = len(BEHAVIOURS)
    network = NetworkFile(
        student="student.onnx",
        image_size=(HEIGHT, WIDTH),
        stride=STRIDE,
        postures=BEHAVIOURS,
        dimensions=DIMENSIONS,
        behaviour=BehaviourNetwork(behaviours=BEHAVIOURS, features=names, prior=(1 / count,) * count),
    )
    write_network(folder, network)
    return folder


def _student(shade: float, padding: int) -> onnx.ModelProto:
    height, width = HEIGHT // STRIDE, WIDTH // STRIDE
    mask = np.full((1, 1, height, width), -4.0, np.float32)
    mask[..., 12:20, 14:34] = 4.0
    postures = np.zeros((1, 1, len(BEHAVIOURS)), np.float32)
    postures[..., BEHAVIOURS.index("lying")] = 5 + shade
    embedding = np.linspace(-1, 1, DIMENSIONS, dtype=np.float32)[None, None] + np.float32(shade)
    values = {
        "scores": np.full((1, 1), 0.9, np.float32),
        "points": np.full((1, 1, 2), 40.0, np.float32),
        "masks": mask,
        "embeddings": embedding / np.linalg.norm(embedding),
        "postures": postures,
        "headings": np.array([[[1.0, 0.0]]], np.float32),
    }
    # Every output moves a little with the picture's mean, so that a fixture says something about its input too.
    nodes = [helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0), _times("mean", "slight", "little")]
    constants = [numpy_helper.from_array(np.float32(0.01), "slight")]
    if padding:
        constants.append(numpy_helper.from_array(np.zeros(padding, np.float32), "padding"))
        nodes += [helper.make_node("ReduceMean", ["padding"], ["nothing"], keepdims=0)]
        nodes += [helper.make_node("Add", ["little", "nothing"], ["moved"])]
    outputs = []
    for name, value in values.items():
        constants.append(numpy_helper.from_array(value, f"{name}.base"))
        nodes.append(helper.make_node("Add", [f"{name}.base", "moved" if padding else "little"], [name]))
        outputs.append(helper.make_tensor_value_info(name, _FLOAT, value.shape))
    images = helper.make_tensor_value_info("images", _FLOAT, (1, 3, HEIGHT, WIDTH))
    return _model(nodes, [images], outputs, constants)


def _behaviour(features: int, shade: float, *, lies: bool) -> onnx.ModelProto:
    rng = np.random.default_rng(5)
    weights = rng.standard_normal((features, len(BEHAVIOURS))).astype(np.float32) * 0.05 + np.float32(shade * 0.01)
    bias = np.zeros(len(BEHAVIOURS), np.float32)
    bias[BEHAVIOURS.index("lying")] = 100.0 * lies
    nodes = [
        helper.make_node("MatMul", ["features", "weights"], ["judged"]),
        helper.make_node("Cast", ["present"], ["here"], to=_FLOAT),
        helper.make_node("ReduceMean", ["here"], ["share"], keepdims=0),
        helper.make_node("Add", ["judged", "share"], ["unbiased"]),
        helper.make_node("Add", ["unbiased", "bias"], ["logits"]),
    ]
    inputs = [
        helper.make_tensor_value_info("features", _FLOAT, (1, "steps", features)),
        helper.make_tensor_value_info("present", TensorProto.BOOL, (1, "steps")),
    ]
    outputs = [helper.make_tensor_value_info("logits", _FLOAT, (1, "steps", len(BEHAVIOURS)))]
    constants = [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(bias, "bias")]
    return _model(nodes, inputs, outputs, constants)


def _times(left: str, right: str, name: str) -> onnx.NodeProto:
    return helper.make_node("Mul", [left, right], [name])


def _model(
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    constants: list[onnx.TensorProto],
) -> onnx.ModelProto:
    graph = helper.make_graph(nodes, "plain", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model
