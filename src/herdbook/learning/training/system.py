"""The release folder of engine ``sam3``: the teacher with the student in its backbone's place, and a behaviour head."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import yaml

from herdbook.contracts.camera import Camera
from herdbook.contracts.digest import sha256_of
from herdbook.contracts.ethogram import load_ethogram
from herdbook.edge.perception.network import NetworkFile, SelectionRules, write_network
from herdbook.edge.perception.parameters import Sam3Parameters
from herdbook.edge.perception.sam3 import TeacherFinder
from herdbook.edge.perception.steps import PLACES
from herdbook.learning.training.align_params import SubstituteParams
from herdbook.learning.training.detection import Tally
from herdbook.learning.training.export import ENGINE, write_behaviour
from herdbook.learning.training.frames import Frames
from herdnet.behaviour import BehaviourConfig, BehaviourHead
from herdnet.behaviour_features import feature_names
from herdnet.instances import Animals
from herdnet.prompts import Prompts
from herdnet.sam3 import Teacher
from herdnet.substitute import CONFIG, WEIGHTS

SCORES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
"""Among which the least score of an animal is chosen."""
ANIMALS = 16
"""Points that are asked between key frames where latency is measured."""


def choose_score(system: Teacher, frames: Frames, params: SubstituteParams) -> tuple[float, dict[str, float]]:
    """The score with the fewest misses and false alarms on labelled frames, each asked everywhere; and its figures
    (`detection.judge_student`, without behaviour)."""
    tallies = {score: Tally(1) for score in SCORES}
    side = frames.images.shape[2]
    network = NetworkFile(dimensions=system.channels, selection=SelectionRules(score=SCORES[0]))
    finder = TeacherFinder(system, network, _settings(params).model_copy(update={"key_frames": 1}))
    finder.open(Camera(camera_id="any", pen_id="any", width=side, height=side, fps=1))
    for image, labels, animals in zip(frames.images, frames.maps, frames.animals, strict=True):
        found = finder.find(np.ascontiguousarray(image.transpose(1, 2, 0)[:, :, ::-1]))
        scores = np.array([sighting.score for sighting in found], np.float32)
        grid = found[0].mask.shape if found else labels.shape
        small = cv2.resize(labels, (grid[1], grid[0]), interpolation=cv2.INTER_NEAREST)
        truth = np.stack([small == n + 1 for n in range(len(animals.identities))] or [np.zeros(grid, bool)])
        masks = np.array([sighting.mask for sighting in found], bool).reshape(-1, *grid)
        nothing = np.zeros((len(found), 0), np.float32)
        for score, tally in tallies.items():
            kept = scores >= score
            said = Animals(scores[kept], nothing[kept], masks[kept], *(nothing[kept],) * 4)
            tally.add(said, truth, np.full(len(truth), -1))
    figures = {score: tally.figures() for score, tally in tallies.items()}
    best = max(SCORES, key=lambda score: (figures[score]["moda"], -score))
    return best, {name: figures[best][name] for name in ("precision", "recall", "moda", "mask_iou")}


def blank_head(ethogram: str, step_s: float) -> BehaviourHead:
    """A head that knows nothing, for eyes: a release folder is whole with it."""
    names = feature_names((), tuple(place.value for place in PLACES))
    return BehaviourHead(BehaviourConfig(tuple(load_ethogram(ethogram).names), names, step_s=step_s, width=8))


def write_system(
    folder: Path,
    system: Teacher,
    ethogram: str,
    params: SubstituteParams,
    *,
    score: float,
    head: BehaviourHead,
    fairness: float = 0.0,
) -> dict[str, float]:
    """Write a release folder; ``parameters``, ``bytes`` and ``latency_ms`` of it.

    Args:
        folder: where; made if need be.
        system: `herdnet.substitute.substitute` in a teacher.
        ethogram: that the head was trained on.
        params: of the stage.
        score: from which a mask is an animal.
        head: without postures; trained on what this system sees.
        fairness: of its answers.
    """
    system.save(folder)
    network = NetworkFile(
        dimensions=system.channels,
        selection=SelectionRules(score=score),
        behaviour=write_behaviour(folder, head, fairness),
    )
    write_network(folder, network)
    models = [*network.files, CONFIG, WEIGHTS]
    size = sum((folder / name).stat().st_size for name in models)
    figures = {
        "parameters": float(sum(p.numel() for p in system.parameters())),
        "bytes": float(size),
        "latency_ms": latency_ms(system),
    }
    content = sha256_of(folder / WEIGHTS)[:12]
    said: dict[str, Any] = {
        "release": {
            "release_id": f"sam3-{content}",
            "engine": "sam3",
            "space_id": f"sam3-{content}",
            "dimensions": system.channels,
            "ethogram_id": ethogram,
        },
        "models": models,
        "sam3": _settings(params).model_dump(mode="json", exclude_unset=True),
        "parameters": int(figures["parameters"]),
        "footprints": [
            {
                "sku": "gpu" if params.device.startswith("cuda") else "cpu",
                "size_bytes": size,
                "latency_ms": round(figures["latency_ms"], 3),
            }
        ],
    }
    (folder / ENGINE).write_text(yaml.safe_dump(said, sort_keys=False), encoding="utf-8")
    return figures


@torch.no_grad()
def latency_ms(system: Teacher, runs: int = 10) -> float:
    """Median of one frame between key frames, `ANIMALS` points, where the system is."""
    device = next(system.parameters()).device
    picture = torch.zeros(1, 3, system.side, system.side, device=device)
    points = Prompts(torch.full((1, ANIMALS, 1, 2), system.side / 2, device=device))
    times = []
    for _ in range(runs + 2):
        began = time.perf_counter()
        system.masks_from_features(system.features(picture), points).logits.cpu()
        times.append(time.perf_counter() - began)
    return float(np.median(times[2:]) * 1000)


def _settings(params: SubstituteParams) -> Sam3Parameters:
    return Sam3Parameters(device=params.device, points_per_side=params.points_per_side, key_frames=params.key_frames)
