"""Stage ``export``: the release folder that devices run, evaluation judges and the registry keeps."""

from __future__ import annotations

import copy
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import yaml
from numpy.typing import NDArray

from herdbook.contracts.digest import sha256_of
from herdbook.contracts.ethogram import load_ethogram
from herdbook.edge.perception.network import BehaviourNetwork, NetworkFile, SelectionRules, write_network
from herdbook.edge.perception.steps import PLACES
from herdbook.learning.training.detection import judge_rules
from herdbook.learning.training.frames import Frames
from herdbook.learning.training.params import ExportParams
from herdbook.learning.training.weights import save_head, save_student
from herdnet.behaviour import BehaviourHead
from herdnet.behaviour_export import export_behaviour
from herdnet.compact import CompactStudent, Detections, count
from herdnet.export import export_onnx
from herdnet.instances import Selection
from herdnet.parity import OnnxNetwork, drift
from herdnet.quantise_onnx import quantise_onnx

ENGINE, WEIGHTS = "engine.yaml", "weights"
SCORES = (0.3, 0.35, 0.4, 0.45, 0.5, 0.55)
EDGES = (0.0, -0.5, -1.0, -1.5)
"""Among which the least score of an animal, and the least logit of its pixels, are chosen."""
DRIFT_FRAMES = 32


def write_behaviour(folder: Path, head: BehaviourHead, fairness: float) -> BehaviourNetwork:
    """The behaviour head of a release folder, and what the release says of it."""
    export_behaviour(head, folder / "behaviour.onnx")
    return BehaviourNetwork(
        behaviours=head.config.behaviours,
        features=head.config.features,
        places=PLACES,
        step_s=head.config.step_s,
        prior=tuple(float(p) for p in head.prior),
        temperature=float(head.temperature),
        fairness=fairness,
    )


def choose_rules(student: CompactStudent, validation: Frames, score: float | None = None) -> tuple[Selection, float]:
    """The rules with the fewest misses and false alarms on the validation side, and their moda; with a `score` that
    was asked for if there is one."""
    scores = SCORES if score is None else (score,)
    rules = [Selection(score=score, edge=edge) for score in scores for edge in EDGES]
    figures = judge_rules(student, validation, rules)
    best = max(range(len(rules)), key=lambda k: (figures[k]["moda"], -k))
    return rules[best], figures[best]["moda"]


def write_engine(
    folder: Path,
    student: CompactStudent,
    ethogram: str,
    params: ExportParams,
    *,
    rules: Selection,
    calibration: Frames | None = None,
    head: BehaviourHead | None = None,
    fairness: float = 0.0,
) -> dict[str, float]:
    """Write a release folder; what int8 changes, and what the graph costs here.

    Args:
        folder: empty.
        student, head: trained.
        ethogram: that they were trained on.
        params: of the stage.
        rules: when a proposal is an animal.
        calibration: frames that int8 ranges come from; without, the graph stays float32.
        fairness: of the head's answers.

    Raises:
        ExportError: a network cannot be exported or quantised (`herdnet.errors`).
    """
    config = student.config
    height, width = config.image_size
    graph = export_onnx(student, torch.zeros(1, 3, height, width), folder / "student.onnx", Detections._fields)
    figures: dict[str, float] = {"parameters": float(count(student))}
    used = graph
    if calibration is not None:
        small = quantise_onnx(
            graph,
            folder / "student.int8.onnx",
            pictures(calibration, params.calibration),
            percentile=params.percentile,
        )
        changed = drift(graph, small, pictures(calibration, DRIFT_FRAMES), score=rules.score)
        figures |= {f"int8_{name}": value for name, value in changed.items()}
        figures["int8_bytes"] = float(small.stat().st_size)
        if params.precision == "int8":
            used = small
        else:
            small.unlink()
    figures["bytes"], figures["latency_ms"] = float(used.stat().st_size), latency_ms(used, (height, width))
    if used is not graph:
        graph.unlink()
    behaviour = None if head is None else write_behaviour(folder, head, fairness)
    network = NetworkFile(
        student=used.name,
        image_size=(height, width),
        stride=config.stride // 2,
        postures=config.postures,
        dimensions=config.dimensions,
        selection=SelectionRules(**asdict(rules)),
        behaviour=behaviour,
    )
    write_network(folder, network)
    _write_engine_file(folder, network, ethogram, figures)
    return figures


def write_weights(folder: Path, head: BehaviourHead, student: CompactStudent | None = None) -> None:
    """What a release folder is exported from, beside it: ``weights/behaviour`` and ``weights/student``."""
    for name, network in (("behaviour", head), ("student", student)):
        if network is not None:
            place = folder / WEIGHTS / name
            place.mkdir(parents=True, exist_ok=True)
            save_head(network, place) if isinstance(network, BehaviourHead) else save_student(network, place)


def int8_drift(student: CompactStudent, calibration: Frames, validation: Frames, count: int) -> dict[str, float]:
    """What int8 would change now: ``int8_matched``, ``int8_mask_iou``, … (`herdnet.parity.drift`).

    Args:
        student: in evaluation mode; left as it is.
        calibration, validation: frames that ranges come from, and frames that are looked at.
        count: how many of the former.
    """
    alone = copy.deepcopy(student).cpu()
    with tempfile.TemporaryDirectory() as folder:
        shape = (1, 3, *student.config.image_size)
        graph = export_onnx(alone, torch.zeros(shape), Path(folder) / "student.onnx", Detections._fields)
        small = quantise_onnx(graph, Path(folder) / "student.int8.onnx", pictures(calibration, count))
        changed = drift(graph, small, pictures(validation, DRIFT_FRAMES))
    return {f"int8_{name}": value for name, value in changed.items()}


def pictures(frames: Frames, most: int) -> Iterator[NDArray[np.float32]]:
    """Evenly chosen frames as the graph takes them, [1, 3, H, W] in 0..1."""
    for row in np.unique(np.linspace(0, len(frames) - 1, min(most, len(frames))).astype(int)):
        yield frames.images[row : row + 1].astype(np.float32) / np.float32(255)


def latency_ms(graph: Path, size: tuple[int, int], runs: int = 30) -> float:
    """Median of one forward pass on this machine's CPU, two threads."""
    network, picture = OnnxNetwork(graph, threads=2), np.zeros((1, 3, *size), np.float32)
    times = []
    for _ in range(runs + 3):
        began = time.perf_counter()
        network(picture)
        times.append(time.perf_counter() - began)
    return float(np.median(times[3:]) * 1000)


def _write_engine_file(folder: Path, network: NetworkFile, ethogram: str, figures: dict[str, float]) -> None:
    load_ethogram(ethogram)
    content = sha256_of(folder / (network.student or ""))[:12]
    release = {
        "release_id": f"compact-{content}",
        "engine": "compact",
        "space_id": f"compact-{content}",
        "dimensions": network.dimensions,
        "ethogram_id": ethogram,
    }
    size = sum((folder / name).stat().st_size for name in network.files)
    cost = {"sku": "cpu", "size_bytes": size, "latency_ms": round(figures["latency_ms"], 3)}
    said = {
        "release": release,
        "models": list(network.files),
        "parameters": int(figures["parameters"]),
        "footprints": [cost],
    }
    (folder / ENGINE).write_text(yaml.safe_dump(said, sort_keys=False), encoding="utf-8")
