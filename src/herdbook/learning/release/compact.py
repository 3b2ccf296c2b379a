"""The networks of a compact release: the student, in int8 too, and the behaviour head; each checked against torch."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from herdbook.contracts.release import Network, Precision
from herdbook.edge.perception.network import read_network, write_network
from herdbook.errors import ReleaseNotProvedError
from herdbook.learning.datasets.plan import Split
from herdbook.learning.datasets.reading import Frame
from herdbook.learning.release.accuracy import costs
from herdbook.learning.release.behaviour import write_head
from herdbook.learning.release.fixtures import Arrays, Case, write_fixtures
from herdbook.learning.release.frames import calibration_frames, pictures, stratified, told
from herdbook.learning.release.made import Asked, Compared, Made, Progress
from herdbook.learning.release.materials import Materials
from herdbook.learning.release.recipes import Steps
from herdbook.learning.training.weights import load_head, load_student
from herdnet.compact import CompactStudent, Detections
from herdnet.export import export_onnx
from herdnet.half import halve
from herdnet.instances import Selection
from herdnet.parity import open_onnx, proposal_differences
from herdnet.proof import OUTPUTS, PROOF, ProvedStudent
from herdnet.quantise_onnx import quantise_onnx

ROLE = "student"
GRAPH = "student.fp32.onnx"
"""Also what ``network.json`` names; a device whose recipe is of another precision takes that recipe's graph instead."""
_INT8 = "student.int8.onnx"
_FIXTURE_FRAMES = 3
_COARSE = 8
"""Pixels per cell of random pictures: noise finer than that is nothing to a network that has seen pens."""
_CHECKED = 4
"""Random inputs of each size."""


def write_compact(
    folder: Path, materials: Materials, asked: Asked, steps: Steps, progress: Progress = lambda what, done, total: None
) -> Made:
    """Write graphs, fixtures and ``network.json`` into an empty folder.

    Raises:
        ReleaseRefusedError: there are too few frames to calibrate on.
        ReleaseNotProvedError: a graph is not what torch says, or int8 is larger than it may be.
        ExportError: a network cannot be exported or quantised (`herdnet.errors`).
    """
    student, head = load_student(materials.weights / "student"), load_head(materials.weights / "behaviour")
    network, size, made = read_network(materials.files), student.config.image_size, Made()
    site: list[Frame] = []
    if asked.smallest is Precision.INT8:  # refused before anything is exported
        asked_for = materials.profile.export.calibration
        site = calibration_frames(materials.dataset, asked=asked_for, few=asked.few_frames)
        made.calibration = told(site)
    progress("exporting the student", 0, 0)
    graph, error = export_student(student, folder / GRAPH)
    made.networks.append(_network(Precision.FP32, GRAPH, error))
    seen = stratified(materials.dataset.frames(Split.VALIDATION), _FIXTURE_FRAMES)
    cases = [Case(f"frame{k}", {"images": picture}) for k, picture in enumerate(pictures(seen, size))]
    cases.append(Case("random", {"images": next(random_pictures(size, 1, count=1))}))
    with tempfile.TemporaryDirectory() as place:
        half = halve(graph, Path(place) / "half.onnx")
        graphs = {Precision.FP32: graph, Precision.FP16: half}
        rounded = [open_onnx(half), open_onnx(graph, optimised=False)]
        made.fixtures += write_fixtures(
            folder, ROLE, Precision.FP32, cases, says=open_onnx(graph), rounded=rounded, outputs=PROOF
        )
        if asked.smallest is Precision.INT8:
            graphs[Precision.INT8] = _write_int8(folder, materials, asked, site, progress)
            small = graphs[Precision.INT8]
            rounded = [open_onnx(halve(small, Path(place) / "int8-half.onnx")), open_onnx(small, optimised=False)]
            made.fixtures += write_fixtures(
                folder, ROLE, Precision.INT8, cases, says=open_onnx(small), rounded=rounded, outputs=PROOF
            )
            one, other = open_onnx(graph), open_onnx(small)
            of_site = [_largest(one(case.inputs), other(case.inputs)) for case in cases[:-1]]
            off = max(of_site, default=0.0)
            made.networks.append(Network(role=ROLE, precision=Precision.INT8, file=_INT8, largest_error=off))
        progress("judging every precision", 0, 0)
        rules = Selection(**network.selection.model_dump())
        made.accuracy += costs(graphs, student.config, materials.dataset, rules)
    progress("exporting the behaviour head", 0, 0)
    write_head(folder, head, made, steps)
    told_of = network.behaviour.model_copy(update={"file": made.networks[-1].file}) if network.behaviour else None
    write_network(folder, network.model_copy(update={"student": GRAPH, "behaviour": told_of}))
    return made


def export_student(student: CompactStudent, path: Path) -> tuple[Path, Compared]:
    """The student's graph for one picture of its own size, with the outputs of a proof; and how far it is from torch
    on random pictures of that size, of two at once, and of two other sizes, each exported from the same weights.

    Raises:
        ReleaseNotProvedError: it is too far.
    """
    height, width = student.config.image_size
    halved = (_multiple(height / 2), _multiple(width / 2))
    found = Compared(f"the {ROLE}")
    graph = export_onnx(ProvedStudent(student), torch.zeros(1, 3, height, width), path, OUTPUTS)
    _compare(student, graph, (height, width), 1, found)
    with tempfile.TemporaryDirectory() as place:
        for size, batch in ((halved, 2), ((halved[1], halved[0]), 1)):
            example = torch.zeros(batch, 3, *size)  # a student sees any size; only its graph has one
            exported = export_onnx(ProvedStudent(student), example, Path(place) / "other.onnx", OUTPUTS)
            _compare(student, exported, size, batch, found)
    return graph, found


def random_pictures(
    size: tuple[int, int], batch: int, *, count: int = _CHECKED, seed: int = 0
) -> Iterator[NDArray[np.float32]]:
    """[batch, 3, H, W] in 0..1, by turns coarse and fine, of all levels and of few."""
    rng, (height, width) = np.random.default_rng(seed), size
    for k in range(count):
        cell = _COARSE if k % 2 == 0 else 1
        levels = rng.random((batch, 3, -(-height // cell), -(-width // cell)), np.float32)
        picture = np.kron(levels, np.ones((1, 1, cell, cell), np.float32))[:, :, :height, :width]
        yield np.ascontiguousarray(0.35 + 0.3 * picture if k % 4 >= 2 else picture)


def _compare(student: CompactStudent, graph: Path, size: tuple[int, int], batch: int, found: Compared) -> None:
    says, proved = open_onnx(graph), ProvedStudent(student).eval()
    for k, images in enumerate(random_pictures(size, batch)):
        with torch.no_grad():
            outputs = proved(torch.from_numpy(images))
        here = {name: value.numpy() for name, value in zip(OUTPUTS, outputs, strict=True)}
        there = says({"images": images})
        on = f"random picture {k} of {size[0]}x{size[1]}, {batch} at once"
        found.add({name: here[name] for name in PROOF}, there, on)
        # proposals too, matched by their points: equal scores come in any order
        named = {name: here[name] for name in Detections._fields}
        differences, matched = proposal_differences(named, there, score=0.3)
        off = max(one.largest for one in differences.values())
        if matched < 1 or not off <= found.allowed:
            raise ReleaseNotProvedError(f"the {ROLE}: ONNX Runtime makes other proposals than torch on {on}")
        found.largest = max(found.largest, off)


def _write_int8(folder: Path, materials: Materials, asked: Asked, frames: Sequence[Frame], progress: Progress) -> Path:
    size = read_network(materials.files).image_size
    assert size is not None

    def looked_at() -> Iterator[NDArray[np.float32]]:
        for k, picture in enumerate(pictures(frames, size)):
            progress("calibrating int8", k + 1, len(frames))
            yield picture

    small = quantise_onnx(folder / GRAPH, folder / _INT8, looked_at(), percentile=materials.profile.export.percentile)
    if small.stat().st_size > asked.limit_bytes:
        raise ReleaseNotProvedError(
            f"the student in int8 has {small.stat().st_size:,} bytes; {asked.limit_bytes:,} are allowed",
            "Train a smaller student (distil.student in params.yaml).",
        )
    return small


def _network(precision: Precision, file: str, error: Compared) -> Network:
    return Network(role=ROLE, precision=precision, file=file, largest_error=error.largest, allowed_error=error.allowed)


def _largest(one: Arrays, other: Arrays) -> float:
    return max(float(np.abs(one[name] - other[name]).max()) for name in PROOF)


def _multiple(pixels: float) -> int:
    return max(32, round(pixels / 32) * 32)
