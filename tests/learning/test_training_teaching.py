"""What a teacher says of a batch: its outlines where it saw the animal, the label where it did not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from herdbook.learning.training.batches import Sampler, in_order
from herdbook.learning.training.frames import Animals, Frames
from herdbook.learning.training.params import Augmentation
from herdbook.learning.training.teaching import SURE, Teaching

SIZE = (12, 16)
STILL = Augmentation(
    rotate=0, scale=0, stretch=0, shift=0, paste=0, coat=0, stains=0, glare=0, brightness=0, over=0, contrast=0,
    gamma=0, cast=0, grey=0, noise=0, blur=0,
)  # fmt: skip


class Store:
    """Features of a frame are its row's number everywhere."""

    def get(self, recipe: str, frame_id: str) -> np.ndarray[Any, Any]:
        return np.full((2, 3, 4), ord(frame_id), np.float32)


class HalfBlind:
    """Sees the left half of the first animal's surroundings as animal, and nothing where the second is."""

    side, channels, asked = 48, 2, 0

    def masks_from_features(self, features: Any, prompts: Any) -> Any:
        self.asked += 1
        logits = torch.full((1, 2, 1, *SIZE), -3.0)
        logits[0, 0, 0, 2:6, 2:6] = 3.0
        return SimpleNamespace(logits=logits)


@pytest.fixture
def frames() -> Frames:
    """Two like frames with two animals: cells 2..5 and 9..12 of rows 2..5 at a quarter of the picture's size."""
    maps = np.zeros((2, 24, 32), np.uint8)
    maps[:, 4:12, 4:12], maps[:, 4:12, 18:26] = 1, 2
    animals = Animals(np.array([0, 1]), np.array([0, 0]))
    return Frames(("a", "b"), np.full((2, 3, 48, 64), 90, np.uint8), maps, (animals, animals), np.zeros(2, np.int64))


def teaching(frames: Frames) -> tuple[Teaching, HalfBlind]:
    teacher = HalfBlind()
    return Teaching(teacher, Store(), "recipe", frames, SIZE), teacher  # type: ignore[arg-type]


def test_an_animal_that_the_teacher_missed_is_taught_by_its_label(frames: Frames) -> None:
    said, _ = teaching(frames)
    masks = said.masks(in_order(frames, np.array([0])))
    assert masks.shape == (2, *SIZE)
    assert masks[0, 3, 3] == pytest.approx(3.0)
    assert masks[0, 3, 8] == pytest.approx(-3.0), "the teacher's own doubt"
    assert masks[1, 3, 10] == pytest.approx(SURE), "the label"
    assert masks[1, 3, 3] == pytest.approx(-SURE)


def test_the_teacher_is_asked_once_for_a_frame(frames: Frames) -> None:
    said, teacher = teaching(frames)
    for _ in range(3):
        said.masks(in_order(frames, np.array([0, 1])))
    assert teacher.asked == 2


def test_masks_and_features_move_with_the_pixels(frames: Frames) -> None:
    said, _ = teaching(frames)
    drawn = Sampler(frames, 2, augmentation=STILL.model_copy(update={"shift": 0.2})).draw(3)
    truth = torch.nn.functional.adaptive_avg_pool2d(drawn.masks[None], SIZE)[0] > 0.5
    masks = said.masks(drawn)
    for k in np.flatnonzero(drawn.own == 0):
        both, either = ((masks[k] > 0) & truth[k]).sum(), ((masks[k] > 0) | truth[k]).sum()
        assert either == 0 or both / either > 0.6
    assert said.features(drawn).shape == (2, 2, 3, 4)
