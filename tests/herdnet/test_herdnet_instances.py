"""From the network's arrays to animals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from herdnet.instances import Outputs, Selection, body, boxes_of, select


def outputs(*proposals: tuple[float, tuple[int, int, int, int]], size: tuple[int, int] = (48, 64)) -> Outputs:
    """Proposals with a score and a box (x0, y0, x1, y1) filled with logits of that score."""
    count = len(proposals)
    masks = np.full((count, *size), -9.0, np.float32)
    for k, (score, (x0, y0, x1, y1)) in enumerate(proposals):
        masks[k, y0:y1, x0:x1] = 1 + score
    scores = np.array([score for score, _ in proposals], np.float32)
    looks = np.tile(np.array([[1.0, 0.0]], np.float32), (count, 1))
    return Outputs(scores, np.zeros((count, 2), np.float32), masks, looks, np.zeros((count, 3), np.float32), looks)


def test_two_proposals_on_one_animal_are_one_and_neighbours_are_two() -> None:
    found = select(outputs((0.9, (4, 4, 24, 14)), (0.8, (5, 4, 24, 15)), (0.7, (4, 14, 24, 24))), 2)
    assert found.scores.tolist() == pytest.approx([0.9, 0.7])
    assert found.boxes.tolist() == [[8, 8, 48, 28], [8, 28, 48, 48]]


def test_unsure_and_tiny_proposals_are_left_out() -> None:
    found = select(outputs((0.2, (4, 4, 24, 14)), (0.9, (30, 30, 31, 31))), 1)
    assert len(found.scores) == 0
    assert found.masks.shape == (0, 48, 64)
    assert found.postures.shape == (0, 3)


def test_a_pixel_goes_to_whoever_claims_it_most() -> None:
    found = select(outputs((0.9, (0, 0, 20, 10)), (0.8, (15, 0, 40, 10))), 1)
    assert found.masks.sum(0).max() == 1
    assert found.boxes.tolist() == [[0, 0, 20, 10], [20, 0, 40, 10]]


def test_no_proposals_no_animals() -> None:
    empty = Outputs(*(np.zeros(shape, np.float32) for shape in ((0,), (0, 2), (0, 8, 8), (0, 4), (0, 3), (0, 2))))
    assert len(select(empty, 2).scores) == 0


def test_rules_are_parameters() -> None:
    given_ = outputs((0.9, (4, 4, 24, 14)), (0.8, (4, 9, 24, 19)))
    assert len(select(given_, 1, Selection(overlap=0.4)).scores) == 1
    assert len(select(given_, 1, Selection(overlap=0.6)).scores) == 2


@settings(max_examples=30)
@given(st.integers(8, 30), st.integers(3, 7), st.floats(-3.1, 3.1))
def test_a_bodys_axes_are_those_of_its_ellipse(half_length: int, half_width: int, angle: float) -> None:
    y, x = np.mgrid[0:96, 0:96] - 48.0
    along, across = x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)
    mask = (along / half_length) ** 2 + (across / half_width) ** 2 <= 1
    heading = np.array([np.cos(angle), np.sin(angle)], np.float32)
    found = body(mask, stride=2, heading=heading)
    assert found.length == pytest.approx(4 * half_length, abs=2 + 0.12 * half_length), "cells are coarse at the tips"
    assert found.width == pytest.approx(4 * half_width, abs=2)
    assert np.cos(found.angle - angle) > 0.98
    assert (found.x, found.y) == (pytest.approx(97, abs=1), pytest.approx(97, abs=1))


def test_an_empty_mask_has_no_body() -> None:
    assert body(np.zeros((4, 4), bool)).length == 0
    assert boxes_of(np.zeros((0, 4, 4), bool)).shape == (0, 4)
