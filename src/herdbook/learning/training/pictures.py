"""Pictures of how a stage went: masks over frames, target beside student features."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from herdbook.contracts.durable import write_durably
from herdbook.learning.pixels import png_bytes
from herdbook.learning.training.align import AlignTask
from herdbook.learning.training.batches import in_order
from herdbook.learning.training.distil import CompactLearner
from herdbook.learning.training.frames import Frames
from herdbook.learning.training.teaching import Teaching
from herdnet.compact import CompactStudent, read
from herdnet.instances import Outputs, select
from herdnet.sam3 import Teacher

TRUTH, SAID = (60, 220, 60), (255, 70, 70)
COUNT = 6
SCALE = 2


def student_masks(student: CompactStudent, frames: Frames, folder: Path) -> None:
    """``masks.png``: validation frames with true outlines in green and the student's in red."""
    rows = _some(frames)
    drawn = in_order(frames, rows)
    outputs = read(student, drawn.images)
    tiles = []
    for k in range(len(rows)):
        found = select(Outputs(*(array[k].numpy() for array in outputs)), student.config.stride // 2)
        tiles.append(_outlined(frames.images[rows[k]], frames.maps[rows[k]], found.masks))
    _write(tiles, folder / "masks.png")


@torch.no_grad()
def teacher_masks(teacher: Teacher, frames: Frames, folder: Path) -> None:
    """``masks.png``: the same for a teacher that is asked everywhere."""
    tiles = []
    for row in _some(frames):
        found = teacher.eval().find(torch.from_numpy(frames.images[row]).float() / 255, points_per_side=16)
        tiles.append(_outlined(frames.images[row], frames.maps[row], found.masks.numpy()))
    _write(tiles, folder / "masks.png")


@torch.no_grad()
def features(learner: CompactLearner, teaching: Teaching, folder: Path) -> None:
    """``features.png``: frame, target features and the student's, both by the target's first three components."""
    assert learner.adapter is not None
    rows = _some(teaching.frames)
    drawn = in_order(teaching.frames, rows)
    target = teaching.features(drawn)
    learner.eval()
    mine = torch.nn.functional.adaptive_avg_pool2d(
        learner.adapter(learner.student.dense(drawn.images).features), (target.shape[2], target.shape[3])
    )
    _beside(teaching.frames, rows, target, mine, folder)


@torch.no_grad()
def aligned(system: Teacher, task: AlignTask, folder: Path) -> None:
    """The same for an encoder student in the teacher's place, on the validation side."""
    rows = _some(task.validation)
    said = system.eval().features(in_order(task.validation, rows).images)
    _beside(task.validation, rows, task.targets(rows), said, folder)


def _beside(frames: Frames, rows: NDArray[np.int64], target: Tensor, mine: Tensor, folder: Path) -> None:
    tiles = []
    for k, row in enumerate(rows):
        axes, middle = _components(target[k])
        frame = frames.images[row].transpose(1, 2, 0)
        size = (frame.shape[1], frame.shape[0])
        parts = [frame, *(_coloured(maps[k], axes, middle, size) for maps in (target, mine))]
        tiles.append(np.hstack(parts))
    _write(tiles, folder / "features.png", across=1)


def _some(frames: Frames) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, len(frames) - 1, min(COUNT, len(frames))).astype(np.int64))


def _outlined(image: NDArray[np.uint8], labels: NDArray[np.uint8], masks: NDArray[np.bool_]) -> NDArray[np.uint8]:
    height, width = image.shape[1] * SCALE, image.shape[2] * SCALE
    canvas = np.ascontiguousarray(cv2.resize(image.transpose(1, 2, 0), (width, height)))
    true = [labels == n for n in np.unique(labels) if n]
    for colour, outlines in ((TRUTH, true), (SAID, list(masks))):
        for mask in outlines:
            large = cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
            found, _ = cv2.findContours(large, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
            cv2.drawContours(canvas, found, -1, colour, 1)
    return np.asarray(canvas, np.uint8)


def _components(target: Tensor) -> tuple[Tensor, Tensor]:
    flat = target.flatten(1).T
    middle = flat.mean(0)
    _, _, axes = torch.pca_lowrank(flat - middle, q=3, center=False)
    return axes, middle


def _coloured(maps: Tensor, axes: Tensor, middle: Tensor, size: tuple[int, int]) -> NDArray[np.uint8]:
    colours = (maps.flatten(1).T - middle) @ axes
    colours = (colours / (3 * colours.std(0).clamp(min=1e-6)) + 0.5).clamp(0, 1)
    grid = (colours * 255).byte().numpy().reshape(maps.shape[1], maps.shape[2], 3)
    return np.asarray(cv2.resize(grid, size, interpolation=cv2.INTER_NEAREST), np.uint8)


def _write(tiles: list[NDArray[np.uint8]], path: Path, across: int = 3) -> None:
    if not tiles:
        return
    while len(tiles) % across:
        tiles.append(np.zeros_like(tiles[0]))
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [np.hstack(tiles[k : k + across]) for k in range(0, len(tiles), across)]
    write_durably(path, png_bytes(np.vstack(rows)))
