from __future__ import annotations

import cv2
import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from herdbook.edge.perception.appearance import DIMENSIONS, describe
from herdbook.edge.perception.base import Shape
from herdbook.edge.perception.quantise import quantise
from support import pen_video

AREA = 480 * 360


def animal(
    coat: tuple[int, int, int], angle: float, size: tuple[int, int] = (36, 16), light: float = 1.0
) -> np.ndarray:
    """The descriptor of an animal of a coat, turned and lit."""
    crop = np.full((100, 100, 3), 120, np.uint8)
    cv2.ellipse(crop, ((50, 50), (2 * size[0], 2 * size[1]), angle), coat, -1)
    mask = np.zeros((100, 100), np.uint8)
    cv2.ellipse(mask, ((50, 50), (2 * size[0], 2 * size[1]), angle), 1, -1)
    noisy = crop * light + np.random.default_rng(int(angle)).normal(0, 3, crop.shape)
    shape = Shape(50, 50, 2 * size[0], 2 * size[1], np.radians(angle), float(mask.sum()))
    return describe(np.clip(noisy, 0, 255).astype(np.uint8), mask.view(bool), shape, (0, 0), AREA)


@given(st.sampled_from(pen_video.COATS), st.floats(0, 180))
def test_a_descriptor_has_its_length_and_norm_one(coat: tuple[int, int, int], angle: float) -> None:
    vector = animal(coat, angle)
    assert vector.shape == (DIMENSIONS,)
    assert abs(np.linalg.norm(vector) - 1) < 1e-5


def test_an_animal_is_more_like_itself_turned_and_dimmed_than_like_any_other() -> None:
    seen = [
        [animal(coat, angle, light=light) for angle, light in ((5, 1), (70, 0.95), (150, 1.03))]
        for coat in pen_video.COATS[:3]
    ]
    same = [float(a @ b) for one in seen for a in one for b in one if a is not b]
    other = [
        float(a @ b) for i, one in enumerate(seen) for j, two in enumerate(seen) if i != j for a in one for b in two
    ]
    assert min(same) > max(other) + 0.2


def test_size_tells_animals_of_one_coat_apart() -> None:
    small, again, large = (
        animal((200, 205, 235), a, size) for a, size in ((10, (28, 12)), (99, (28, 12)), (50, (42, 19)))
    )
    assert small @ again > small @ large + 0.02


@given(arrays(np.float32, DIMENSIONS, elements=st.floats(-1, 1, width=32)))
@example(np.full(DIMENSIONS, 1e-44, np.float32))
def test_quantised_vectors_come_back_to_half_a_step(vector: np.ndarray) -> None:
    values, scale = quantise(vector)
    assert values.dtype == np.int8
    assert values.min() >= -127
    assert np.abs(values * np.float64(scale) - vector).max() <= 0.5001 * scale + 1e-7
