"""Figures of single frames: known cases."""

from __future__ import annotations

import numpy as np
import pytest

from herdbook.learning.training.detection import Tally, mask_iou
from herdnet.instances import Animals


def animals(masks: np.ndarray, behaviours: list[int], classes: int = 3) -> Animals:
    count = len(masks)
    zeros = np.zeros((count, 2), np.float32)
    postures = np.eye(classes, dtype=np.float32)[behaviours] if count else np.zeros((0, classes), np.float32)
    boxes = np.zeros((count, 4), np.float32)
    return Animals(np.ones(count, np.float32), boxes, masks, zeros, postures, zeros, zeros)


def squares(*corners: tuple[int, int], side: int = 10) -> np.ndarray:
    masks = np.zeros((len(corners), 40, 60), bool)
    for k, (x, y) in enumerate(corners):
        masks[k, y : y + side, x : x + side] = True
    return masks


def test_all_found_is_one() -> None:
    tally = Tally(3)
    truth = squares((0, 0), (20, 20))
    tally.add(animals(truth, [0, 2]), truth, np.array([0, 2]))
    figures = tally.figures()
    assert {figures[name] for name in ("precision", "recall", "moda", "mask_iou", "behaviour_top1")} == {1.0}
    assert figures["behaviour_macro_f1"] == 1


def test_misses_and_false_alarms_are_counted() -> None:
    tally = Tally(3)
    tally.add(animals(squares((0, 0), (45, 25)), [1, 1]), squares((0, 0), (20, 20), (30, 0)), np.array([0, 0, 0]))
    figures = tally.figures()
    assert figures["recall"] == pytest.approx(1 / 3)
    assert figures["precision"] == pytest.approx(1 / 2)
    assert figures["moda"] == pytest.approx(1 - 3 / 3)
    assert figures["behaviour_top1"] == 0


def test_hidden_animals_and_empty_frames_count_for_nothing() -> None:
    tally = Tally(3)
    tally.add(animals(squares(), []), np.zeros((1, 40, 60), bool), np.array([0]))
    assert tally.figures()["moda"] == 1


def test_overlap_is_that_of_sets() -> None:
    iou = mask_iou(squares((0, 0)), squares((0, 0), (5, 0), (30, 20)))
    assert iou.tolist() == [[1.0, pytest.approx(50 / 150), 0.0]]
