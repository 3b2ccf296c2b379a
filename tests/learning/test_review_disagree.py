"""Outlines are compared animal by animal; frames are doubted by the device's own boxes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from herdbook.cli.learn_reread import review_plan
from herdbook.contracts.records import BOXES_SCHEMA
from herdbook.edge.perception.base import Box, Instance, Shape
from herdbook.errors import ConfigurationError
from herdbook.learning.params import load_params, pipeline_root
from herdbook.learning.review.disagree import Mask, difference
from herdbook.learning.review.finders import boxed, placed
from herdbook.learning.review.plan import ReviewPlan
from herdbook.learning.review.unsure import Doubt, doubts, most_doubtful


def square(x: int, y: int, side: int = 10, size: int = 60) -> Mask:
    mask = np.zeros((size, size), dtype=bool)
    mask[y : y + side, x : x + side] = True
    return mask


def test_sides_that_agree_are_not_apart() -> None:
    seen = [square(0, 0), square(20, 20)]
    assert difference(seen, seen[::-1]).score == 0
    assert difference([], []).score == 0


def test_the_widest_gap_of_any_animal_counts() -> None:
    found = difference([square(0, 0), square(30, 30)], [square(0, 0), square(31, 30)])
    assert found.score == pytest.approx(1 - 90 / 110)
    assert found.above(0.15) == 1
    assert found.alone == 0


def test_an_animal_that_only_one_side_sees_is_wholly_apart() -> None:
    found = difference([square(0, 0)], [square(0, 0), square(30, 30)])
    assert (found.score, found.alone) == (1.0, 1)
    assert difference([square(0, 0)], [square(40, 40)]).alone == 2


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=4), st.integers(0, 2**16))
def test_neither_side_nor_order_matters(places: list[tuple[int, int]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    one = [square(x, y) for x, y in places]
    other = [square(int(x), int(y)) for x, y in rng.integers(0, 50, (3, 2))]
    first = difference(one, other)
    assert first.score == pytest.approx(difference(other, one).score)
    assert sorted(first.gaps) == pytest.approx(sorted(difference(one[::-1], other).gaps))


def test_a_coarse_mask_is_stretched_over_its_box() -> None:
    coarse = np.array([[True, False], [True, True]])
    shape = Shape(0, 0, 1, 1, 0, 1)
    whole = placed(Instance(1, Box(10, 20, 8, 4), shape, 1.0, 1.0, mask=coarse), (60, 60))
    assert whole.sum() == 24
    assert whole[20:22, 10:14].all()
    assert not whole[20:22, 14:18].any()
    reaching = placed(Instance(1, Box(-4, 56, 8, 8), shape, 1.0, 1.0), (60, 60))
    assert reaching.sum() == 16
    assert (boxed(whole) == placed(Instance(1, Box(10, 20, 8, 4), shape, 1.0, 1.0), (60, 60))).all()


def boxes(counts: dict[int, list[float]]) -> pa.Table:
    """Frames with the score of each box."""
    row = {"clip": "c.mp4", "at": 0, "x": 0.0, "y": 0.0, "width": 1.0, "height": 1.0}
    rows = [
        row | {"frame": frame, "tracklet_id": f"t{k}", "confidence": score}
        for frame, scores in counts.items()
        for k, score in enumerate(scores)
    ]
    return pa.Table.from_pylist(rows, schema=BOXES_SCHEMA)


def test_frames_of_low_scores_and_of_odd_numbers_are_doubted() -> None:
    table = boxes({1: [0.9] * 4, 2: [0.2] * 4, 3: [0.9] * 2, 4: [0.9] * 4, 6: [0.9] * 4})
    found = {d.frame: d.doubt for d in doubts(table, "c.mp4", range(1, 7), ReviewPlan()) or ()}
    assert set(found) == {2, 3, 5}  # frame 5 shows nobody
    assert found[5] == 1
    assert found[2] == pytest.approx(0.6)
    assert doubts(BOXES_SCHEMA.empty_table(), "c.mp4", range(1, 7), ReviewPlan()) is None, "nobody knows"


def test_the_teacher_reads_as_much_as_is_paid_for_and_no_neighbours() -> None:
    found = [Doubt("a", frame, doubt) for frame, doubt in ((1, 0.5), (2, 0.9), (3, 0.8), (9, 0.1))]
    seconds = {("a", frame): frame * 0.2 for frame in range(10)}
    assert [d.frame for d in most_doubtful(found, seconds, ReviewPlan(apart_s=1.0))] == [2, 9]
    assert [d.frame for d in most_doubtful(found, seconds, ReviewPlan(apart_s=0.0, frames=3))] == [2, 3, 1]


def test_what_counts_as_disagreement_is_a_parameter_and_checked(tmp_path: Path) -> None:
    shipped = load_params().review
    assert shipped == ReviewPlan(), "the file says what the documents say"
    assert shipped.iou_gap == 0.15
    document = yaml.safe_load((pipeline_root() / "params.yaml").read_text())
    document["review"] |= {"iou_gap": 0.3, "frames": 7}
    own = tmp_path / "params.yaml"
    own.write_text(yaml.safe_dump(document))
    plan = review_plan(own, None, 0)
    assert (plan.iou_gap, plan.frames, plan.every_s) == (0.3, 7, None)
    assert review_plan(own, 3, None).frames == 3
    with pytest.raises(ValidationError, match="frozen"):
        plan.iou_gap = 0.5  # type: ignore[misc]
    with pytest.raises(ConfigurationError, match="frames"):
        review_plan(own, -1, None)
    document["review"]["iou_gap"] = 1.5
    own.write_text(yaml.safe_dump(document))
    with pytest.raises(ConfigurationError, match="iou_gap"):
        review_plan(own, None, None)
