"""Sums of sequences give what the sequences give laid end to end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from evaluation_cases import CLASSES, FPS, seen, sequence
from hypothesis import given
from hypothesis import strategies as st
from sequences import PATIENT, Row, have_a_common_frame, sequences, tracks
from sklearn.metrics import average_precision_score, f1_score

from herdbook.errors import UnknownClassError
from herdbook.learning.evaluation.annotated import Spell, annotate
from herdbook.learning.evaluation.compare import estimates
from herdbook.learning.evaluation.figures import FIGURES, figures
from herdbook.learning.evaluation.reid import Moments, answer_queries, ranks
from herdbook.learning.evaluation.tally import empty, pool, stack, tally
from herdbook.learning.formats import read_tracks
from herdbook.learning.metrics import evaluate_mot

EDINBURGH = Path(__file__).parents[3] / "shared" / "data" / "edinburgh-format"
Pair = tuple[list[Row], list[Row]]


def end_to_end(parts: list[Pair]) -> Pair:
    """One long sequence: frames go on, animals and predicted ids are others in every part."""
    truth, predicted, after = [], [], 0
    for number, (true, said) in enumerate(parts):
        for rows, to in ((true, truth), (said, predicted)):
            to += [(frame + after, animal + 100 * number, *box) for frame, animal, *box in rows]
        after += max((row[0] for row in [*true, *said]), default=0)
    return truth, predicted


def sums_of(parts: list[Pair]) -> dict[str, float]:
    tallies = [tally(seen(true), seen(said), classes=len(CLASSES), long=True) for true, said in parts]
    pooled = pool(stack(tallies), np.ones((1, len(parts))))
    return {name: float(value[0]) for name, value in figures(pooled).items()}


@PATIENT
@given(st.lists(sequences(), min_size=1, max_size=4))
def test_pooled_tracking_figures_equal_those_computed_at_once(parts: list[Pair]) -> None:
    whole = end_to_end(parts)
    if not have_a_common_frame(whole):
        return
    at_once = evaluate_mot(tracks(whole[0]), tracks(whole[1]))
    pooled = sums_of(parts)
    for name in ("mota", "idf1", "recall"):
        assert pooled[name] == pytest.approx(getattr(at_once.clear, name), abs=1e-9), name
    assert pooled["idf1_long"] == pooled["idf1"]
    for name in ("hota", "deta", "assa"):
        assert pooled[name] == pytest.approx(getattr(at_once.hota, name), abs=1e-9), name
    for name in ("motp", "precision"):
        if (value := getattr(at_once.clear, name)) is not None:
            assert pooled[name] == pytest.approx(value, abs=1e-9), name


def test_lost_identity_over_ten_minutes_shows_in_idf1_long_and_hides_in_mota() -> None:
    """At 4 frames a second; every animal gets another id each minute: one tenth of it is the longest part that one id
    lasts, so that IDF1 is 0.1, though nothing is ever missed."""
    frames, lasts, animals = 600 * 4, 60 * 4, 2
    truth = [(f, a, 40 * a, 0, 30, 20) for f in range(1, frames + 1) for a in range(animals)]
    said = [(f, a + animals * ((f - 1) // lasts), x, y, w, h) for f, a, x, y, w, h in truth]
    whole = tally(seen(truth), seen(said), classes=len(CLASSES), long=True)
    short = tally(seen(truth[:40]), seen(said[:40]), classes=len(CLASSES))
    found = {n: float(v[0]) for n, v in figures(pool(stack([whole, short]), np.ones((1, 2)))).items()}
    switches = 9 * animals
    assert found["mota"] == pytest.approx(1 - switches / (frames * animals + 40))
    assert found["idf1_long"] == pytest.approx(0.1), "the short clip is not in it"
    assert found["idf1"] > found["idf1_long"]


def test_lasting_identity_of_real_annotations_of_five_minutes() -> None:
    """Edinburgh's clips are 300 s; an animal that two ids share by halves counts half."""
    path = EDINBURGH / "2019_11_11_000028_output.json"
    if not path.is_file():
        pytest.skip(f"{path.name} is not here")
    truth = read_tracks(path, truth=True)
    middle = int(np.median(truth.frames))
    rows = [(int(f), int(i), *map(float, box)) for f, i, box in zip(truth.frames, truth.ids, truth.boxes, strict=True)]
    said = [(f, i + 1000 * (f > middle), *box) for f, i, *box in rows]
    sums = tally(seen(truth), seen(tracks(said)), classes=len(CLASSES), long=True)
    found = {n: float(v[0]) for n, v in figures(pool(stack([sums]), np.ones((1, 1)))).items()}
    halves = [(sum(f <= middle for f, i, *_ in rows if i == a), sum(i == a for _, i, *_ in rows)) for a in range(99)]
    assert found["idf1_long"] == pytest.approx(sum(max(n, all_ - n) for n, all_ in halves) / len(rows))
    assert found["idf1_long"] < found["mota"]


def test_drawing_a_sequence_twice_is_having_it_twice() -> None:
    parts = [([(1, 1, 0, 0, 9, 9), (2, 1, 0, 0, 9, 9)], [(1, 1, 0, 0, 9, 9)]), ([(1, 1, 0, 0, 9, 9)], [])]
    tallies = [tally(seen(true), seen(said), classes=3) for true, said in parts]
    drawn = figures(pool(stack(tallies), np.array([[2.0, 1.0]])))
    twice = sums_of([parts[0], parts[0], parts[1]])
    assert {n: float(v[0]) for n, v in drawn.items() if n != "idf1_long"} == pytest.approx(
        {n: v for n, v in twice.items() if n != "idf1_long"}, nan_ok=True
    )


def test_an_empty_pen_counts_what_is_wrongly_seen_in_it() -> None:
    sums = tally(seen([]), seen([(1, 1, 0, 0, 9, 9)]), classes=3)
    assert (sums["false_positives"], sums["misses"], sums["predicted_boxes"]) == (1, 0, 1)
    blind = tally(seen([(1, 1, 0, 0, 9, 9)]), seen([]), classes=3)
    assert (blind["false_positives"], blind["misses"]) == (0, 1)


def test_boxes_that_never_meet_are_a_result() -> None:
    sums = tally(seen([(1, 1, 0, 0, 9, 9)]), seen([(2, 1, 0, 0, 9, 9)]), classes=3)
    assert (sums["false_positives"], sums["misses"], sums["idtp"]) == (1, 1, 0)


# -- behaviour --------------------------------------------------------------------------------------------------------


def still(animal: int, seconds: int, x: float = 0.0) -> list[Row]:
    return [(frame, animal, x, 0, 10, 10) for frame in range(1, int(seconds * FPS) + 1)]


def test_behaviour_is_counted_once_a_second_and_unseen_apart() -> None:
    truth = seen(
        still(1, 10) + still(2, 10, 50),
        [Spell("1", 0, 6, "lying"), Spell("1", 6, 10, "standing"), Spell("2", 0, 10, "walking")],
    )
    said = seen(still(7, 10), [Spell("7", 0, 8, "lying", 0.9), Spell("7", 8, 10, "standing", 0.6)])
    sums = tally(truth, said, classes=3)
    assert sums["confusion"].tolist() == [[6, 0, 0, 0], [2, 2, 0, 0], [0, 0, 0, 10]]
    assert sums["calibration"].sum(axis=0).tolist() == pytest.approx([10, 8 * 0.9 + 2 * 0.6, 8])
    found = {name: float(v[0]) for name, v in figures(pool(stack([sums]), np.ones((1, 1)))).items()}
    assert found["behaviour_top1"] == pytest.approx(0.8)
    assert found["behaviour_seen"] == pytest.approx(0.5)
    assert found["behaviour_ece"] == pytest.approx((8 * abs(0.9 - 6 / 8) + 2 * abs(0.6 - 1)) / 10)


@PATIENT
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40),
)
def test_macro_f1_is_sklearns_over_the_behaviours_that_occur(pairs: list[tuple[int, int]]) -> None:
    sums = empty(4)
    for true, said in pairs:
        sums["confusion"][true, said] += 1
    true, said = zip(*pairs, strict=True)
    theirs = f1_score(true, said, labels=sorted(set(true)), average="macro", zero_division=0)
    assert float(FIGURES["behaviour_macro_f1"].compute(stack([sums]))[0]) == pytest.approx(theirs)


def test_a_behaviour_that_the_ethogram_does_not_know_is_said() -> None:
    with pytest.raises(UnknownClassError, match="'flying' of animal pig-1") as caught:
        annotate(tracks(still(1, 1)), FPS, [Spell("pig-1", 0, 1, "flying")], CLASSES)
    assert "lying, standing, walking" in caught.value.remedy


def test_a_frame_at_the_start_of_a_bout_belongs_to_it() -> None:
    found = seen(still(1, 3), [Spell("1", 0, 1, "lying"), Spell("1", 1, 2, "walking")])
    assert found.behaviour.tolist() == [0] * 4 + [2] * 4 + [-1] * 4


# -- re-identification ------------------------------------------------------------------------------------------------


@PATIENT
@given(st.integers(2, 12), st.integers(1, 8), st.integers(0, 10_000))
def test_average_precision_is_sklearns(gallery: int, queries: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    similarity = rng.permuted(np.linspace(0, 1, gallery * queries)).reshape(queries, gallery)
    same = rng.random((queries, gallery)) < 0.4
    asked, first, summed = ranks(similarity, same)
    theirs = [average_precision_score(s, x) for x, s in zip(similarity, same, strict=True) if s.any()]
    assert asked == len(theirs)
    assert summed == pytest.approx(sum(theirs))
    assert first == sum(s[x.argmax()] for x, s in zip(similarity, same, strict=True) if s.any())


def test_the_querys_own_clip_is_not_in_its_gallery() -> None:
    one, other = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    clips = [sequence("a"), sequence("b"), sequence("c", pen="pen-2")]
    moments = [
        Moments(("x", "x", "y"), np.array([one, one, other], np.float32)),
        Moments(("x",), np.array([other], np.float32)),
        Moments(("x",), np.array([one], np.float32)),
    ]
    found = answer_queries(clips, moments)
    assert [float(f["queries"]) for f in found] == [2, 1, 0], "y is in one clip only, another pen is no gallery"
    assert [float(f["rank1"]) for f in found] == [2, 0, 0]


def test_figures_without_anything_to_judge_are_none() -> None:
    found = estimates([sequence("a")], [empty(3)]).figures
    assert {name for name, figure in found.items() if figure.value is not None} == set()
