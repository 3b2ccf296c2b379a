"""What a backbone is to see before prompts, and that it learns to see it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from herdbook.learning.datasets.build import build_dataset
from herdbook.learning.datasets.plan import DatasetPlan, Split
from herdbook.learning.datasets.sources import gather, resolve
from herdbook.learning.params import load_params
from herdbook.learning.training.batches import Drawn
from herdbook.learning.training.params import EncoderSize, TeacherParams, TeacherSize
from herdbook.learning.training.schedule import Schedule
from herdbook.learning.training.sight import FINER, SightLearner, sight
from herdbook.learning.training.stage import Stage
from herdbook.learning.training.stages import run_teacher
from herdbook.settings import Settings
from herdnet.sam3 import Teacher
from herdnet.sam3_config import SmallTeacher, vision
from herdnet.substitute import StudentBackbone

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


def test_a_frame_without_animals_is_a_frame() -> None:
    seen = sight(drawn(torch.zeros(0, 32, 32), [], 2), GRID)
    assert not seen.animal.any()
    learner = SightLearner(Teacher.small(TINY))
    losses = learner(torch.rand(2, 3, SIDE, SIDE), *seen)
    assert torch.isfinite(losses["total"])
    assert float(losses["middle"].detach()) == 0


def test_squares_are_seen_after_some_steps() -> None:
    torch.manual_seed(0)
    chance = np.random.default_rng(0)
    learner = SightLearner(Teacher.small(TINY))
    optimiser = torch.optim.AdamW(learner.parameters(), lr=4e-3)
    losses: list[float] = []
    for _ in range(40):
        images, masks = torch.rand(4, 3, SIDE, SIDE) * 0.3, torch.zeros(4, 32, 32)
        for k in range(4):
            x, y = chance.integers(0, 24, 2)
            masks[k, y : y + 8, x : x + 8] = 1
            images[k, :, 2 * y : 2 * y + 16, 2 * x : 2 * x + 16] += 0.6
        said = learner(images, *sight(drawn(masks, [0, 1, 2, 3], 4), GRID))
        optimiser.zero_grad()
        said["total"].backward()
        optimiser.step()
        losses.append(float(said["dice"].detach()))
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])


class StoppedError(Exception):
    """As if the machine went away."""


EYES = EncoderSize(trunk="mobilenetv3_small_050", image_size=SIDE, width=16)


@pytest.mark.slow
@pytest.mark.parametrize("eyes", [None, EYES], ids=["its own backbone", "eyes in its place"])
def test_a_teacher_that_was_stopped_after_it_learned_to_see_is_as_one_that_was_not(
    small_farms: Path, tmp_path: Path, eyes: EncoderSize | None
) -> None:
    plan = DatasetPlan(frames=8, every_s=0.5, near=0.0, shares={Split.TRAIN: 0.6, Split.VALIDATION: 0.4})
    given_in = gather(Settings(home=tmp_path), farm=small_farms, simulator_truth=small_farms)
    build_dataset(plan, resolve(Settings(home=tmp_path), given_in), tmp_path / "dataset")
    schedule = Schedule(steps=4, batch=2, warmup=1, validate_every=4, checkpoint_every=2)
    told = TeacherParams(
        size=TeacherSize(image_size=SIDE, patch_size=8, channels=64, layers=2, window=4, width=128),
        eyes=eyes,
        sight=schedule,
        schedule=schedule,
        prompts=2,
    )
    profile = load_params().profiles["pocket"].model_copy(update={"teacher": told})

    def stop(what: str, done: int, _: int) -> None:
        if what == "teacher" and done == 3:
            raise StoppedError

    whole = run_teacher(Stage("teacher", tmp_path / "whole"), profile, tmp_path / "dataset")
    with pytest.raises(StoppedError):
        run_teacher(Stage("teacher", tmp_path / "again" / "teacher", stop), profile, tmp_path / "dataset")
    seen: list[str] = []
    goes_on = Stage("teacher", tmp_path / "again" / "teacher", lambda what, done, _: seen.append(f"{what} {done}"))
    resumed = run_teacher(goes_on, profile, tmp_path / "dataset")
    assert "teacher 3" in seen
    assert not {"teacher sight 1", "teacher 1"} & set(seen)
    exam = {"point_iou", "box_iou", "object_accuracy", "sight_cover_iou", "sight_middle_error"}
    assert {name: whole[name] for name in exam} == {name: resumed[name] for name in exam}
    one, other = (Teacher.load(folder) for folder in (tmp_path / "whole", tmp_path / "again" / "teacher"))
    assert isinstance(vision(one.tracker).backbone, StudentBackbone) == (eyes is not None)
    for left, right in zip(one.state_dict().values(), other.state_dict().values(), strict=True):
        torch.testing.assert_close(left, right, rtol=0, atol=0)
