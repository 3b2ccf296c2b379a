"""What a backbone is to see before prompts, and that it learns to see it."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from herdbook.learning.training.batches import Drawn
from herdbook.learning.training.sight import FINER, OWN, SightLearner, sight
from herdnet.sam3 import Teacher
from herdnet.sam3_config import SmallTeacher

GRID, SIDE = 8, 64
TINY = SmallTeacher(image_size=SIDE, patch_size=8, channels=64, layers=2, window=4)


def drawn(masks: torch.Tensor, frame: list[int], frames: int) -> Drawn:
    animals = len(masks)
    return Drawn(
        torch.zeros(frames, 3, SIDE, SIDE),
        torch.tensor(frame, dtype=torch.long),
        masks.float(),
        torch.zeros(animals, dtype=torch.long),
        torch.zeros(animals, dtype=torch.long),
        np.arange(animals),
        np.arange(frames),
        np.stack([np.eye(2, 3)] * frames),
    )


@given(
    x=st.integers(0, 20),
    y=st.integers(0, 20),
    width=st.integers(4, 12),
    height=st.integers(4, 12),
    frame=st.integers(0, 2),
)
def test_every_known_cell_points_to_the_middle_of_its_animal(
    x: int, y: int, width: int, height: int, frame: int
) -> None:
    mask = torch.zeros(1, SIDE // 2, SIDE // 2)
    mask[0, y : y + height, x : x + width] = 1
    seen = sight(drawn(mask, [frame], 3), GRID)
    rows, columns = torch.nonzero(seen.known[frame, 0] > 0, as_tuple=True)
    middle = np.array([x + width / 2, y + height / 2]) * GRID / (SIDE / 2)
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        to = np.array([column + 0.5, row + 0.5]) + seen.offset[frame, :, row, column].numpy()
        # a middle is told from covered cells, which is exact to within half a cell
        np.testing.assert_allclose(to, middle, atol=0.5)
    assert float(seen.animal.sum()) * (SIDE / 2 / (FINER * GRID)) ** 2 == np.float32(width * height)
    others = [k for k in range(3) if k != frame]
    assert not seen.known[others].any()
    assert not seen.animal[others].any()


def test_cells_belong_to_who_covers_them_and_floor_to_nobody() -> None:
    masks = torch.zeros(2, 32, 32)
    masks[0, 8:16, 8:16] = 1
    masks[1, 8:16, 16:24] = 1
    seen = sight(drawn(masks, [0, 0], 1), GRID)
    assert (seen.offset[0, 0, 2:4, 2] > 0).all()
    assert (seen.offset[0, 0, 2:4, 5] < 0).all()
    assert int(seen.known.sum()) == 8
    assert (seen.animal[0].amax(), seen.animal[0].sum()) == (1, 128)
    assert 0 < OWN < 1


def test_a_frame_without_animals_is_a_frame() -> None:
    seen = sight(drawn(torch.zeros(0, 32, 32), [], 2), GRID)
    assert not seen.animal.any()
    learner = SightLearner(Teacher.small(TINY))
    losses = learner(torch.rand(2, 3, SIDE, SIDE), *seen)
    assert torch.isfinite(losses["total"])
    assert float(losses["middle"]) == 0


def test_squares_are_seen_after_some_steps() -> None:
    torch.manual_seed(0)
    chance = np.random.default_rng(0)
    learner = SightLearner(Teacher.small(TINY))
    optimiser = torch.optim.AdamW(learner.parameters(), lr=2e-3)
    losses: list[float] = []
    for _ in range(60):
        images, masks = torch.rand(4, 3, SIDE, SIDE) * 0.3, torch.zeros(4, 32, 32)
        for k in range(4):
            x, y = chance.integers(0, 24, 2)
            masks[k, y : y + 8, x : x + 8] = 1
            images[k, :, 2 * y : 2 * y + 16, 2 * x : 2 * x + 16] += 0.6
        said = learner(images, *sight(drawn(masks, [0, 1, 2, 3], 4), GRID))
        optimiser.zero_grad()
        said["total"].backward()
        optimiser.step()
        losses.append(float(said["dice"]))
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])
