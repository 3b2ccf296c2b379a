"""CLEAR MOT by its definition, and where motmetrics and TrackEval choose differently (docs/metrics.md)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from sequences import PATIENT, Row, have_a_common_frame, sequences, tracks
from trackeval_oracle import judge, ours

from herdbook.learning.metrics import MotScore, evaluate_mot
from herdbook.learning.metrics.iou import iou_matrix

CLEAR = ("MOTA", "MOTP", "CLR_Re", "CLR_Pr", "CLR_FP", "CLR_FN", "IDSW")


def at(frame: int, animal: int, x: float) -> Row:
    """A box of 30 x 10 pixels: moved by 10 it overlaps its old place by one half, moved by 5 by 0.71."""
    return (frame, animal, x, 0, 30, 10)


def compare(truth: list[Row], predicted: list[Row]) -> tuple[MotScore, dict[str, float]]:
    """Our score, and TrackEval's figures."""
    true, made = tracks(truth), tracks(predicted)
    return evaluate_mot(true, made), judge(true, made)


def test_a_tracker_that_never_errs() -> None:
    rows = [at(frame, animal, 100 * animal) for frame in (1, 2, 3) for animal in (1, 2)]
    clear = compare(rows, rows)[0].clear
    assert (clear.mota, clear.motp, clear.idf1, clear.recall, clear.precision) == (1, 1, 1, 1, 1)
    assert (clear.misses, clear.false_positives, clear.switches, clear.fragmentations) == (0, 0, 0, 0)
    assert (clear.mostly_tracked, clear.partly_tracked, clear.mostly_lost) == (2, 0, 0)


def test_a_tracker_that_sees_nothing() -> None:
    score, _ = compare([at(1, 1, 0), at(2, 1, 0)], [])
    assert (score.clear.mota, score.clear.idf1, score.clear.recall, score.hota.hota) == (0, 0, 0, 0)
    assert (score.clear.motp, score.clear.precision, score.clear.idp) == (None, None, None)
    assert (score.clear.misses, score.clear.mostly_lost) == (2, 1)


def test_two_animals_whose_identities_are_exchanged_half_way() -> None:
    truth = [at(frame, animal, 100 * animal) for frame in (1, 2, 3, 4) for animal in (1, 2)]
    predicted = [at(f, a if f < 3 else 3 - a, x) for f, a, x, *_ in truth]
    score, _ = compare(truth, predicted)
    assert score.clear.switches == 2
    assert score.clear.mota == 1 - 2 / 8
    assert score.clear.idf1 == 0.5
    assert score.hota.deta == 1
    assert score.hota.assa == pytest.approx(2 / 6)  # of 6 boxes of either id, 2 go together


def test_an_animal_lost_for_a_frame_is_a_miss_and_a_fragmentation_but_no_switch() -> None:
    clear = compare([at(f, 1, 0) for f in (1, 2, 3)], [at(1, 7, 0), at(3, 7, 0)])[0].clear
    assert (clear.misses, clear.fragmentations, clear.switches) == (1, 1, 0)


@pytest.mark.parametrize(("moved", "matched"), [(9.99, True), (10, True), (10.01, False)])
def test_a_match_needs_the_threshold_and_may_equal_it(moved: float, matched: bool) -> None:
    clear = compare([at(1, 1, 0), at(2, 1, 0)], [at(1, 1, moved), at(2, 1, 0)])[0].clear
    assert clear.misses == (0 if matched else 1)


def test_motp_is_the_mean_overlap_of_matches() -> None:
    clear = compare([at(1, 1, 0), at(2, 1, 0)], [at(1, 1, 0), at(2, 1, 10)])[0].clear
    assert clear.motp == pytest.approx((1 + 0.5) / 2)


# -- where the two tools choose differently --------------------------------------------------------------------------


def unambiguous(truth: list[Row], predicted: list[Row]) -> list[Row]:
    """Of the prediction what leaves each box at most one partner."""
    kept: list[Row] = []
    taken: set[tuple[int, int]] = set()
    for p in predicted:
        partners = [
            (t[0], t[1])
            for t in truth
            if t[0] == p[0] and iou_matrix(np.array([t[2:]], float), np.array([p[2:]], float))[0, 0] >= 0.5
        ]
        if len(partners) <= 1 and not taken & set(partners):
            taken |= set(partners)
            kept.append(p)
    return kept


@given(sequences())
@settings(PATIENT, max_examples=60)
def test_both_agree_wherever_no_box_has_two_possible_partners(pair: tuple[list[Row], list[Row]]) -> None:
    truth, predicted = pair[0], unambiguous(*pair)
    if not predicted or not have_a_common_frame((truth, predicted)):
        return
    score, theirs = compare(truth, predicted)
    mine = ours(score)
    assert {n: mine[n] for n in CLEAR} == pytest.approx({n: theirs[n] for n in CLEAR}, abs=1e-9)


def test_motmetrics_remembers_a_pair_over_a_gap_and_trackeval_does_not() -> None:
    truth = [at(1, 1, 0), at(2, 1, 0), at(3, 1, 0)]
    predicted = [at(1, 7, 0), at(2, 9, 200), at(3, 7, 5), at(3, 8, 0)]  # 7 comes back, 8 overlaps better
    score, theirs = compare(truth, predicted)
    assert (score.clear.switches, score.clear.mota) == (0, 0)
    assert (theirs["IDSW"], theirs["MOTA"]) == (1, pytest.approx(-1 / 3))


def test_motmetrics_prefers_more_matches_and_trackeval_more_overlap() -> None:
    truth = [at(1, 1, 0), at(1, 2, 10), at(1, 3, 20)]
    predicted = [at(1, 1, -10), at(1, 2, 0), at(1, 3, 10)]  # two boxes are exact, or all three overlap by one half
    score, theirs = compare(truth, predicted)
    assert (score.clear.misses, score.clear.mota, score.clear.motp) == (0, 1, pytest.approx(0.5))
    assert (theirs["CLR_FN"], theirs["MOTA"], theirs["MOTP"]) == (1, pytest.approx(1 / 3), 1)


def test_four_frames_of_five_are_mostly_tracked_for_motmetrics_and_partly_for_trackeval() -> None:
    score, theirs = compare([at(f, 1, 0) for f in range(1, 6)], [at(f, 1, 0) for f in range(1, 5)])
    assert (score.clear.mostly_tracked, score.clear.partly_tracked) == (1, 0)
    assert (theirs["MT"], theirs["PT"]) == (0, 1)


def test_an_animal_out_of_sight_is_a_fragmentation_for_trackeval_only() -> None:
    rows = [at(1, 1, 0), at(3, 1, 0), *(at(f, 2, 100) for f in (1, 2, 3))]
    score, theirs = compare(rows, rows)
    assert (score.clear.fragmentations, theirs["Frag"]) == (0, 1)


def test_a_frame_without_any_prediction_is_a_fragmentation_for_motmetrics_only() -> None:
    score, theirs = compare([at(f, 1, 0) for f in (1, 2, 3)], [at(1, 1, 0), at(3, 1, 0)])
    assert (score.clear.fragmentations, theirs["Frag"]) == (1, 0)


@given(sequences().filter(have_a_common_frame))
@settings(PATIENT, max_examples=40)
def test_motmetrics_never_matches_fewer_boxes_in_the_first_frame(pair: tuple[list[Row], list[Row]]) -> None:
    truth, predicted = ([row for row in rows if row[0] == 1] for rows in pair)
    if truth and predicted:
        score, theirs = compare(truth, predicted)
        assert score.clear.misses <= theirs["CLR_FN"]
