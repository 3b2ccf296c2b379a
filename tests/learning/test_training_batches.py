"""Batches: the same for the same step, and what is drawn on them fits the pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from herdbook.learning.training import augment
from herdbook.learning.training.batches import Sampler, in_order
from herdbook.learning.training.frames import UNKNOWN, Animals, Frames
from herdbook.learning.training.params import Augmentation

HEIGHT, WIDTH = 48, 64
NOTHING = Augmentation(
    rotate=0, scale=0, stretch=0, shift=0, paste=0, coat=0, stains=0, glare=0, brightness=0, over=0, contrast=0,
    gamma=0, cast=0, grey=0, noise=0, blur=0,
)  # fmt: skip


@pytest.fixture(scope="module")
def frames() -> Frames:
    """Eight frames of two pens; animal k of a frame is a square of grey 60 + 40 k."""
    images = np.full((8, 3, HEIGHT, WIDTH), 20, np.uint8)
    maps = np.zeros((8, HEIGHT // 2, WIDTH // 2), np.uint8)
    animals = []
    for f in range(8):
        for k in range(3):
            x, y = 3 + 9 * k, 4 + f
            maps[f, y : y + 7, x : x + 7] = k + 1
            images[f, :, 2 * y : 2 * y + 14, 2 * x : 2 * x + 14] = 60 + 40 * k
        animals.append(Animals(np.array([0, 1, 2]) + 3 * (f // 4), np.array([k % 2 for k in range(3)])))
    return Frames(tuple("abcdefgh"), images, maps, tuple(animals), np.arange(8) // 4)


def test_a_step_draws_the_same_whenever_it_is_asked(frames: Frames) -> None:
    one, two = (Sampler(frames, 4, seed=1, augmentation=Augmentation()).draw(7) for _ in range(2))
    assert torch.equal(one.images, two.images)
    assert torch.equal(one.masks, two.masks)
    assert not torch.equal(one.images, Sampler(frames, 4, seed=1, augmentation=Augmentation()).draw(8).images)


@settings(max_examples=20)
@given(step=st.integers(0, 10_000))
def test_whatever_is_changed_no_pixel_is_two_animals_and_all_lists_agree(frames: Frames, step: int) -> None:
    drawn = Sampler(frames, 4, views=2, augmentation=Augmentation(paste=4, rotate=1)).draw(step)
    assert len(drawn.frame) == len(drawn.masks) == len(drawn.identities) == len(drawn.behaviours) == len(drawn.own)
    for k in range(4):
        assert drawn.masks[drawn.frame == k].sum(0).max() <= 1
    assert drawn.images.min() >= 0
    assert drawn.images.max() <= 1
    groups = frames.groups[drawn.rows]
    assert groups[0] == groups[1]
    assert groups[2] == groups[3]


def test_masks_move_with_the_pixels(frames: Frames) -> None:
    by = NOTHING.model_copy(update={"rotate": 1.0, "scale": 0.2, "shift": 0.1})
    for step in range(10):
        drawn = Sampler(frames, 4, augmentation=by).draw(step)
        large = torch.nn.functional.interpolate(drawn.masks[:, None], scale_factor=2.0)[:, 0]
        for n in range(len(drawn.masks)):
            inside = drawn.images[drawn.frame[n], 0][large[n] > 0.5]
            if len(inside) > 60:
                assert float((inside * 255).median()) == pytest.approx(60 + 40 * int(drawn.own[n]), abs=3)


def test_animals_that_are_put_in_bring_who_they_are_and_are_known_as_such(frames: Frames) -> None:
    sampler = Sampler(frames, 8, augmentation=NOTHING.model_copy(update={"paste": 3, "shift": 0.1}))
    batches = [sampler.draw(step) for step in range(10)]
    pasted = [d.identities[torch.from_numpy(d.own < 0)] for d in batches]
    assert sum(map(len, pasted)) > 10
    assert all(0 <= int(i) < 6 for some in pasted for i in some)


def test_an_animal_in_another_coat_is_nobody(frames: Frames) -> None:
    drawn = Sampler(frames, 4, augmentation=NOTHING.model_copy(update={"coat": 1.0})).draw(0)
    visible = drawn.masks.flatten(1).any(1)
    assert (drawn.identities[visible] == UNKNOWN).all()


@settings(max_examples=25)
@given(seed=st.integers(0, 1000))
def test_maps_of_other_sizes_are_moved_as_the_picture_was(frames: Frames, seed: int) -> None:
    """A teacher's features lie on a coarser grid: their middles of mass go where the picture's do."""
    by = NOTHING.model_copy(update={"rotate": 1.0, "shift": 0.05})
    affine = augment.place((HEIGHT, WIDTH), by, np.random.default_rng(seed))
    picture = np.zeros((3, HEIGHT, WIDTH), np.uint8)
    picture[:, 18:30, 24:40] = 255
    moved, _ = augment.moved(picture, np.zeros((HEIGHT // 2, WIDTH // 2), np.uint8), affine)
    coarse = torch.nn.functional.avg_pool2d(torch.from_numpy(picture[:1]).float()[None], 2)
    there = augment.warped(coarse, affine[None], (HEIGHT, WIDTH))[0, 0].numpy()
    y, x = np.mgrid[: HEIGHT // 2, : WIDTH // 2] * 2 + 1.0
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    weight = moved[0].astype(float)
    assert (there * x).sum() / there.sum() == pytest.approx((weight * columns).sum() / weight.sum(), abs=0.6)
    assert (there * y).sum() / there.sum() == pytest.approx((weight * rows).sum() / weight.sum(), abs=0.6)


def test_in_order_changes_nothing(frames: Frames) -> None:
    drawn = in_order(frames, np.array([5, 2]))
    assert torch.equal((drawn.images * 255).byte(), torch.from_numpy(frames.images[[5, 2]]))
    assert drawn.identities.tolist() == [3, 4, 5, 0, 1, 2]
