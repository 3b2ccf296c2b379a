"""The networks of a SAM 3 release: the tracker in four graphs and the behaviour head, each checked against torch, and
all together over a stream."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from herdbook.contracts.release import AccuracyCost, InputShape, Network, Precision
from herdbook.edge.perception.network import read_network, write_network
from herdbook.edge.perception.sam3_graphs import GRAPHS
from herdbook.learning.datasets.plan import Split
from herdbook.learning.release.behaviour import GRAPH as HEAD
from herdbook.learning.release.behaviour import write_head
from herdbook.learning.release.fixtures import Arrays, Case, Says, write_fixtures
from herdbook.learning.release.frames import pictures, stratified
from herdbook.learning.release.made import Compared, Made, Progress
from herdbook.learning.release.materials import Materials
from herdbook.learning.release.recipes import Steps
from herdbook.learning.training.weights import load_head
from herdnet.half import halve
from herdnet.parity import open_onnx
from herdnet.pixels import resize
from herdnet.sam3 import Teacher
from herdnet.sam3_export import Part, export_system, parts
from herdnet.sam3_rules import RULES_NAME, read_rules
from herdnet.sam3_runner import Asked, Sam3Runner
from herdnet.session import ObjectPrompt, Stream

STREAMED = 30
"""Frames over which all graphs together must say what torch says."""
_COMPARED = {
    "encoder": ("fine", "middle", "coarse", "features"),
    "decoder": ("masks", "iou", "objects", "pointers"),
    "memory-attention": ("conditioned",),
    "memory-encoder": ("memory",),
}
"""Outputs of fixtures: not the best of three candidates, which two engines may choose otherwise where two are equal."""
_SIZES = ((1, 1), (3, 2), (16, 5))
"""Prompts and points, memories and pointers: tried with each."""
_PROVED = ((16, 1), (8, 2))
"""The same of fixtures: several, since a tolerance is a share of the spread of what is said."""
_SHAPES = {
    "points": ((1, 1, 1, 2), (1, 16, 1, 2), (1, 64, 8, 2)),
    "labels": ((1, 1, 1), (1, 16, 1), (1, 64, 8)),
}
_FRAMES = 8


def write_sam3(
    folder: Path, materials: Materials, steps: Steps, progress: Progress = lambda what, done, total: None
) -> Made:
    """Write graphs, fixtures, ``sam3.json`` and ``network.json`` into an empty folder. There is no int8 of this path.

    Raises:
        ReleaseNotProvedError: a graph, or all of them over a stream, is not what torch says.
        ExportError, WeightsUnavailableError: see `herdnet.errors`.
    """
    teacher, head = Teacher.load(materials.files).eval(), load_head(materials.weights / "behaviour")
    progress("exporting the tracker's four parts", 0, 0)
    graphs = export_system(teacher.tracker, folder, GRAPHS)
    made, network = Made(), read_network(materials.files)
    frames = stratified(materials.dataset.frames(Split.VALIDATION), _FRAMES)
    rules = read_rules(folder)
    seen = list(pictures(frames, (rules.picture, rules.picture)))
    runner = Sam3Runner.open(folder, GRAPHS)
    for part in parts(teacher.tracker):
        progress(f"checking the {part.role}", 0, 0)
        _add(folder, made, part, graphs[part.role], runner.look(seen[0][0]))
    progress("streaming", 0, 0)
    check_stream(teacher, runner, seen[0][0])
    with tempfile.TemporaryDirectory() as place:
        for path in graphs.values():
            halve(path, Path(place) / path.name)
        shutil.copy(folder / RULES_NAME, place)
        made.accuracy.append(_cost(Sam3Runner.open(folder, GRAPHS), Sam3Runner.open(Path(place), GRAPHS), seen))
    made.shapes += _shapes(rules.memories, rules.pointers, runner.look(seen[0][0])["coarse"])
    progress("exporting the behaviour head", 0, 0)
    write_head(folder, head, made, steps)
    told = network.behaviour.model_copy(update={"file": HEAD}) if network.behaviour else None
    write_network(folder, network.model_copy(update={"behaviour": told}))
    return made


def check_stream(teacher: Teacher, runner: Sam3Runner, picture: NDArray[np.float32]) -> Compared:
    """A picture that moves, two objects, one prompted again: masks of every frame as torch has them.

    Raises:
        ReleaseNotProvedError: they are not.
    """
    stream, found = Stream(teacher.tracker), Compared("the tracker")
    side, size = runner.rules.side, runner.rules.picture
    square = resize(torch.from_numpy(picture)[None], (side, side))
    for t in range(STREAMED):
        whole = square.roll((t, t), (2, 3))
        frame = resize(whole, (size, size)).clamp(0, 1)[0].numpy()  # what the student sees of it in torch
        points = {0: {1: (0.3, 0.4)}, 6: {2: (0.7, 0.6)}, 15: {1: (0.32, 0.45)}}.get(t, {})
        prompts = [ObjectPrompt(key, points=[(x * side, y * side)]) for key, (x, y) in points.items()]
        asked = [Asked(key, [(x * side, y * side)]) for key, (x, y) in points.items()]
        wanted, said = stream.step(whole[0], prompts), runner.step(frame, asked)
        here = {"scores": wanted.scores.numpy(), "masks": np.maximum(wanted.logits.numpy(), -50)}
        there = {"scores": said.scores, "masks": np.maximum(said.logits, -50)}  # below, nobody is there
        found.add(here, there, f"frame {t + 1} of a stream")
    return found


def _add(folder: Path, made: Made, part: Part, graph: Path, seen: Mapping[str, NDArray[np.float32]]) -> None:
    """Compare a part with torch on random inputs of several sizes, and write its fixtures."""
    says, found = open_onnx(graph), Compared(f"the {part.role}")
    inputs = [inputs_of(part, seen, sizes, seed) for seed, sizes in enumerate(_SIZES)]
    for one, sizes in zip(inputs, _SIZES, strict=True):
        with torch.no_grad():
            outputs = part.module(*(torch.from_numpy(one[name]) for name in part.inputs))
        several = outputs if isinstance(outputs, tuple) else (outputs,)
        here = {name: value.numpy() for name, value in zip(part.outputs, several, strict=True)}
        found.add({name: here[name] for name in _COMPARED[part.role]}, says(one), f"random inputs of size {sizes}")
    made.networks.append(
        Network(
            role=part.role,
            precision=Precision.FP32,
            file=graph.name,
            largest_error=found.largest,
            allowed_error=found.allowed,
        )
    )
    with tempfile.TemporaryDirectory() as place:
        rounded: list[Says] = [open_onnx(halve(graph, Path(place) / "half.onnx")), open_onnx(graph, optimised=False)]
        cases = [Case(f"size{k}", inputs_of(part, seen, sizes, 100 + k)) for k, sizes in enumerate(_PROVED)]
        made.fixtures += write_fixtures(
            folder, part.role, Precision.FP32, cases, says=says, rounded=rounded, outputs=_COMPARED[part.role]
        )


def inputs_of(part: Part, seen: Mapping[str, NDArray[np.float32]], sizes: tuple[int, int], seed: int) -> Arrays:
    """Inputs of a part: what the encoder says of a real frame, the rest random, of free sizes as told."""
    rng, (first, second), side = np.random.default_rng(seed), sizes, seen["fine"].shape[-1]
    free = {"prompts": first, "points": second, "frames": min(first, 7), "known": min(first + second, 16)}
    found: dict[str, NDArray[Any]] = {}
    for name, example in part.inputs.items():
        shape = [free[part.free[name][k]] if k in part.free.get(name, {}) else n for k, n in enumerate(example.shape)]
        if name in ("fine", "middle", "coarse"):
            found[name] = seen[name]
        elif name == "pixels":
            found[name] = seen["coarse"]
        elif name == "images":
            found[name] = rng.random(shape, np.float32)
        elif name == "points":
            found[name] = rng.random(shape, np.float32) * side
        elif name == "labels":
            found[name] = rng.integers(0, 2, shape).astype(np.int32)
        elif name == "ages":
            found[name] = np.arange(shape[0], dtype=np.int64)
        elif name == "offsets":
            found[name] = np.arange(1, shape[0] + 1, dtype=np.float32)
        elif name == "masks":
            found[name] = (rng.standard_normal(shape) * 10).astype(np.float32)
        elif name == "objects":
            found[name] = np.full(shape, 3.0 if seed % 2 == 0 else -3.0, np.float32)
        elif name == "prompted":
            found[name] = np.full(shape, float(seed % 2), np.float32)
        else:
            found[name] = rng.standard_normal(shape).astype(np.float32)
    return found


def _cost(whole: Sam3Runner, half: Sam3Runner, seen: list[NDArray[np.float32]]) -> AccuracyCost:
    """How far fp16 says the same as fp32 of points spread over frames: share of the same answers whether there is an
    animal, IoU of masks where there is, and change of the score."""
    at = (np.arange(6, dtype=np.float32) + 0.5) / 6 * whole.rules.side
    points = np.stack(np.meshgrid(at, at), -1).reshape(-1, 2).astype(np.float32)
    same, ious, scores = [], [], []
    for picture in seen:
        (one, p), (two, q) = (runner.ask(runner.look(picture[0]), points) for runner in (whole, half))
        same.append(float(((p > 0.5) == (q > 0.5)).mean()))
        scores.append(float(np.abs(p - q).mean()))
        for a, b in zip(one[p > 0.5] > 0, two[p > 0.5] > 0, strict=True):
            either = int((a | b).sum())
            ious.append(int((a & b).sum()) / either if either else 1.0)
    fp32 = {"same_answer": 1.0, "same_score": 1.0}
    change = {"same_answer": float(np.mean(same)) - 1, "same_score": -float(np.mean(scores))}
    if ious:
        fp32["same_mask_iou"], change["same_mask_iou"] = 1.0, float(np.mean(ious)) - 1
    rounded = {name: round(value, 6) for name, value in change.items()}
    return AccuracyCost(precision=Precision.FP16, frames=len(seen), fp32=fp32, difference=rounded)


def _shapes(memories: int, pointers: int, coarse: NDArray[np.float32]) -> list[InputShape]:
    """Least, usual and largest sizes for TensorRT: up to four prompted frames, and 64 pointers."""
    width, grid = coarse.shape[1], coarse.shape[-1]
    sizes: dict[str, tuple[tuple[int, ...], ...]] = {
        **_SHAPES,
        "memories": tuple((n, 64, grid, grid) for n in (1, memories, memories + 4)),
        "ages": tuple((n,) for n in (1, memories, memories + 4)),
        "pointers": tuple((n, width) for n in (1, pointers, 64)),
        "offsets": tuple((n,) for n in (1, pointers, 64)),
    }
    return [InputShape(name=name, least=least, usual=usual, most=most) for name, (least, usual, most) in sizes.items()]
