"""Release folders of the compact engine: one of random weights, and one taught for seconds to find ellipses."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from herdbook.contracts.camera import ZoneKind
from herdbook.contracts.ethogram import load_ethogram
from herdbook.edge.perception.network import BehaviourNetwork, NetworkFile, write_network

BEHAVIOURS = load_ethogram("pig-9").names
HEIGHT, WIDTH = 64, 96
DIMENSIONS = 16
PLACES = (ZoneKind.FEEDER, ZoneKind.DRINKER, ZoneKind.LYING)
RELEASE = {
    "release_id": "compact-test",
    "engine": "compact",
    "space_id": "compact-test",
    "dimensions": DIMENSIONS,
    "ethogram_id": "pig-9",
}
COATS = ((200, 205, 235), (60, 60, 70), (90, 140, 200), (220, 220, 220))


def write_release(folder: Path, *, steps: int = 0, head: bool = True, weights: Path | None = None) -> Path:
    """A release folder; `steps` of training take about 0.05 s each. With `weights`, what it was exported from too."""
    import torch

    from herdnet.compact import CompactConfig, CompactStudent, Detections
    from herdnet.export import export_onnx

    torch.manual_seed(0)
    config = CompactConfig(
        trunk="mobilenetv3_small_050",
        image_size=(HEIGHT, WIDTH),
        width=24,
        pixels=8,
        looks=16,
        dimensions=DIMENSIONS,
        postures=BEHAVIOURS,
        proposals=8,
    )
    student = CompactStudent(config)
    if steps:
        _teach(student, steps)
    folder.mkdir(parents=True, exist_ok=True)
    export_onnx(student.eval(), torch.zeros(1, 3, HEIGHT, WIDTH), folder / "student.onnx", Detections._fields)
    if weights is not None:
        from herdbook.learning.training.weights import save_student

        (weights / "student").mkdir(parents=True)
        save_student(student, weights / "student")
    network = NetworkFile(
        student="student.onnx",
        image_size=(HEIGHT, WIDTH),
        stride=config.stride // 2,
        postures=BEHAVIOURS,
        dimensions=DIMENSIONS,
        behaviour=_head(folder, weights) if head else None,
    )
    write_network(folder, network)
    told = {"release": RELEASE, "models": list(network.files), "parameters": 1000}
    (folder / "engine.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")
    return folder


def _head(folder: Path, weights: Path | None) -> BehaviourNetwork:
    import torch

    from herdnet.behaviour import BehaviourConfig, BehaviourHead
    from herdnet.behaviour_export import export_behaviour
    from herdnet.behaviour_features import feature_names

    torch.manual_seed(1)
    names = feature_names(BEHAVIOURS, tuple(place.value for place in PLACES))
    head = BehaviourHead(BehaviourConfig(BEHAVIOURS, names, width=8, dilations=(1, 2)))
    export_behaviour(head, folder / "behaviour.onnx")
    if weights is not None:
        from herdbook.learning.training.weights import save_head

        (weights / "behaviour").mkdir(parents=True)
        save_head(head, weights / "behaviour")
    prior = (0.3, 0.3, 0.1, 0.1, 0.05, 0.05, 0.04, 0.03, 0.03)
    return BehaviourNetwork(
        behaviours=BEHAVIOURS, features=names, places=PLACES, prior=prior, temperature=1.5, fairness=0.5
    )


def pictures(count: int, seed: int = 0) -> tuple[np.ndarray, list[list[np.ndarray]]]:
    """Frames [N, H, W, 3] BGR of one to four ellipses on a grey floor, and the masks of each frame's."""
    rng = np.random.default_rng(seed)
    frames, masks = [], []
    for _ in range(count):
        grain = rng.integers(105, 140, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        frame, owner = cv2.GaussianBlur(grain, (0, 0), 2), np.full((HEIGHT, WIDTH), -1, np.int16)
        for k in range(int(rng.integers(1, 5))):
            place = ((float(rng.uniform(8, WIDTH - 8)), float(rng.uniform(8, HEIGHT - 8))), (17, 8))
            ellipse = (*place, float(rng.uniform(0, 180)))
            cv2.ellipse(frame, ellipse, COATS[k], -1)
            cv2.ellipse(owner, ellipse, k, -1)
        frames.append(frame)
        masks.append([owner == k for k in range(4) if (owner == k).sum() > 20])
    return np.stack(frames), masks


def _teach(student, steps: int) -> None:  # type: ignore[no-untyped-def]
    import torch

    from herdnet.compact_batch import Batch
    from herdnet.compact_step import CompactWeights, compact_step

    optimiser = torch.optim.AdamW(student.parameters(), 4e-3)
    weights = CompactWeights(heading=0.0)
    student.train()
    for step in range(steps):
        frames, masks = pictures(6, seed=step)
        images = torch.from_numpy(frames[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32) / 255)
        whose = [b for b, some in enumerate(masks) for _ in some]
        count = len(whose)
        batch = Batch(
            images,
            torch.tensor(whose),
            torch.from_numpy(np.stack([mask for some in masks for mask in some]).astype(np.float32)),
            torch.tensor([k for some in masks for k in range(len(some))]),
            torch.zeros(count, dtype=torch.long),
            torch.full((count, 2), float("nan")),
        )
        optimiser.param_groups[0]["lr"] = 4e-3 * (1 - step / steps)
        optimiser.zero_grad()
        compact_step(student, batch, weights)["total"].backward()
        optimiser.step()


@pytest.fixture(scope="session")
def random_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights that nobody trained: it finds nothing, but it is whole."""
    return write_release(tmp_path_factory.mktemp("random") / "release")


@pytest.fixture(scope="session")
def taught_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It finds ellipses of `pictures` and of the edge tests' films."""
    return write_release(tmp_path_factory.mktemp("taught") / "release", steps=80)
