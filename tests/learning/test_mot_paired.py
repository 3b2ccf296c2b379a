"""Which frames are compared, and what is said about the rest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sequences import PATIENT, Row, tracks

from herdbook.errors import InputError
from herdbook.learning.formats import Tracks
from herdbook.learning.metrics import evaluate_mot
from herdbook.learning.metrics.iou import iou_matrix


def still(frames: list[int], stated: list[int] | None = None) -> Tracks:
    rows: list[Row] = [(frame, 1, 0, 0, 10, 10) for frame in frames]
    return Tracks.checked(
        "made",
        [r[0] for r in rows],
        [1] * len(rows),
        [r[2:] for r in rows],
        stated=None if stated is None else np.array(stated),
    )


def test_frames_that_annotation_skips_are_not_compared() -> None:
    score = evaluate_mot(still([1, 4, 7], stated=[1, 4, 7]), still(list(range(1, 8))))
    assert (score.clear.mota, score.clear.false_positives, score.frames) == (1, 0, 3)
    assert score.remarks == ("compared on the 3 annotated frames",)


def test_an_annotated_frame_without_animals_is_compared() -> None:
    assert evaluate_mot(still([1], stated=[1, 4]), still([1, 4])).clear.false_positives == 1


def test_a_prediction_that_speaks_of_some_frames_only_is_judged_there() -> None:
    assert evaluate_mot(still(list(range(1, 8))), still([1, 4, 7], stated=[1, 4, 7])).clear.misses == 0


def test_predictions_beyond_the_truth_are_false_positives_and_it_is_said() -> None:
    score = evaluate_mot(still([2, 3]), still([1, 2, 3, 4, 5]))
    assert score.clear.false_positives == 3
    assert score.remarks == ("3 predicted boxes lie outside the truth's first and last frame: false positives",)


def test_a_truth_without_boxes_is_refused() -> None:
    with pytest.raises(InputError, match="the truth has no boxes"):
        evaluate_mot(still([]), still([1]))


def test_frames_that_never_meet_are_refused_with_both_ranges() -> None:
    with pytest.raises(InputError, match=r"the truth covers frames 1\.\.2, the prediction 101\.\.103"):
        evaluate_mot(still([1, 2]), still([101, 102, 103]))
    with pytest.raises(InputError, match="no frame has boxes of both"):
        evaluate_mot(still([1, 4], stated=[1, 4, 7]), still([7]))


@pytest.mark.parametrize("iou", [0, -0.5, 1.01, float("nan")])
def test_a_threshold_lies_above_0_and_up_to_1(iou: float) -> None:
    with pytest.raises(InputError, match="IoU threshold"):
        evaluate_mot(still([1]), still([1]), iou=iou)


# -- overlap ---------------------------------------------------------------------------------------------------------

box = st.tuples(st.integers(-50, 50), st.integers(-50, 50), st.integers(1, 40), st.integers(1, 40))


def pixels(x: int, y: int, width: int, height: int) -> set[tuple[int, int]]:
    return {(x + i, y + j) for i in range(width) for j in range(height)}


@settings(PATIENT)
@given(box, box)
def test_overlap_is_shared_pixels_over_all_pixels(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    shared, all_ = pixels(*a) & pixels(*b), pixels(*a) | pixels(*b)
    assert iou_matrix(np.array([a], float), np.array([b], float))[0, 0] == len(shared) / len(all_)


@settings(PATIENT)
@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e4))
def test_a_box_overlaps_itself_wholly(x: float, size: float) -> None:
    both = np.array([[x, x, size, size]])
    assert iou_matrix(both, both)[0, 0] == 1


def test_overlaps_of_no_boxes() -> None:
    none, one = np.empty((0, 4)), np.array([[0, 0, 1, 1.0]])
    assert iou_matrix(none, one).shape == (0, 1)
    assert iou_matrix(one, none).shape == (1, 0)
    assert tracks([]).boxes.shape == (0, 4)
