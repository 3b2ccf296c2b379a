"""What holds on every sequence: TrackEval's IDF1 and HOTA, and the definitions of identity metrics by brute force."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sequences import PATIENT, Row, have_a_common_frame, sequences, tracks
from trackeval_oracle import judge, ours

from herdbook.learning.metrics import evaluate_mot
from herdbook.learning.metrics.iou import iou_matrix

pairs = sequences().filter(have_a_common_frame)
thresholds = st.sampled_from((0.5, 0.25, 0.75, 1.0))

ALWAYS_EQUAL = ("IDF1", "IDP", "IDR", "HOTA", "DetA", "AssA", "LocA")


def check_against_trackeval(pair: tuple[list[Row], list[Row]], threshold: float = 0.5) -> None:
    truth, predicted = tracks(pair[0]), tracks(pair[1])
    mine, theirs = ours(evaluate_mot(truth, predicted, iou=threshold)), judge(truth, predicted, threshold)
    assert {n: mine[n] for n in ALWAYS_EQUAL} == pytest.approx({n: theirs[n] for n in ALWAYS_EQUAL}, abs=1e-6)


@given(pairs, thresholds)
@settings(PATIENT, max_examples=80)
def test_identity_and_hota_equal_trackeval(pair: tuple[list[Row], list[Row]], threshold: float) -> None:
    check_against_trackeval(pair, threshold)


@pytest.mark.slow
@given(pairs, thresholds)
@settings(PATIENT, max_examples=2000)
def test_identity_and_hota_equal_trackeval_on_many(pair: tuple[list[Row], list[Row]], threshold: float) -> None:
    check_against_trackeval(pair, threshold)


@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(1, 10))
@settings(PATIENT, max_examples=25)
def test_identity_and_hota_equal_trackeval_on_long_crowded_sequences(seed: int, frames: int, animals: int) -> None:
    rng = np.random.default_rng(seed)
    frame, animal = np.repeat(np.arange(1, frames + 1), animals), np.tile(np.arange(animals), frames)
    boxes = np.column_stack([rng.uniform(0, 300, (len(frame), 2)), rng.uniform(40, 160, (len(frame), 2))])
    seen = rng.random(len(frame)) < 0.8
    seen[0] = True
    name = (animal + (rng.random(len(frame)) < 0.1)) % animals + animals * (frame > rng.integers(1, frames + 1))
    moved = boxes + rng.normal(0, rng.choice([1, 10, 40]), boxes.shape)
    rows = [(*key, *box) for key, box in zip(zip(frame, animal, strict=True), boxes, strict=True)]
    moved[:, 2:] = np.maximum(moved[:, 2:], 1)
    made = {(f, n): (f, n, *box) for f, n, box in zip(frame[seen], name[seen], moved[seen], strict=True)}
    check_against_trackeval((rows, list(made.values())))


@given(pairs)
@settings(PATIENT, max_examples=40)
def test_idf1_is_that_of_the_best_pairing_of_ids(pair: tuple[list[Row], list[Row]]) -> None:
    truth, predicted = tracks(pair[0]), tracks(pair[1])
    together = Counter(
        (t[1], p[1])
        for t in pair[0]
        for p in pair[1]
        if t[0] == p[0] and iou_matrix(np.array([t[2:]], float), np.array([p[2:]], float))[0, 0] >= 0.5
    )
    true_ids, our_ids = sorted({r[1] for r in pair[0]}), sorted({r[1] for r in pair[1]})
    padded = our_ids + [-1] * len(true_ids)
    best = max(
        sum(together[t, p] for t, p in zip(true_ids, chosen, strict=True))
        for chosen in set(permutations(padded, len(true_ids)))
    )
    assert evaluate_mot(truth, predicted).clear.idf1 == pytest.approx(2 * best / (len(truth) + len(predicted)))


@given(pairs, st.randoms(use_true_random=False))
@settings(PATIENT, max_examples=25)
def test_the_order_of_rows_changes_nothing(pair: tuple[list[Row], list[Row]], random: object) -> None:
    before = evaluate_mot(tracks(pair[0]), tracks(pair[1]))
    for rows in pair:
        random.shuffle(rows)  # type: ignore[attr-defined]
    assert evaluate_mot(tracks(pair[0]), tracks(pair[1])) == before


@given(pairs)
@settings(PATIENT, max_examples=40)
def test_every_box_is_counted_once(pair: tuple[list[Row], list[Row]]) -> None:
    score = evaluate_mot(tracks(pair[0]), tracks(pair[1]))
    clear = score.clear
    matches = score.truth_boxes - clear.misses
    assert matches == score.predicted_boxes - clear.false_positives
    assert clear.mota == pytest.approx(1 - (clear.misses + clear.false_positives + clear.switches) / score.truth_boxes)
    assert clear.mostly_tracked + clear.partly_tracked + clear.mostly_lost == score.truth_ids
    assert clear.motp is None if matches == 0 else 0.5 <= clear.motp <= 1  # type: ignore[operator]
    for part in (score.hota.hota, score.hota.deta, score.hota.assa, score.hota.loca, clear.idf1):
        assert 0 <= part <= 1


@given(sequences())
@settings(PATIENT, max_examples=20)
def test_the_truth_itself_is_perfect(pair: tuple[list[Row], list[Row]]) -> None:
    truth = tracks(pair[0])
    score = evaluate_mot(truth, truth)
    assert (score.clear.idf1, score.hota.deta, score.hota.loca) == (1, 1, 1)
    # Where two true boxes are identical HOTA may match them crosswise, and so does TrackEval.
    assert score.hota.hota == pytest.approx(judge(truth, truth)["HOTA"], abs=1e-9)
