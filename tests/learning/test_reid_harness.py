"""The harness of re-identification: right on nights worked out by hand, and better figures for better looks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from herdbook.contracts.codes import BITS, decode, encode
from herdbook.learning.reid.figures import by_age, figures
from herdbook.learning.reid.follow import NightResult, Way, follow
from herdbook.learning.reid.footage import halves
from herdbook.learning.reid.herd import hard_plan, herd_nights
from herdbook.learning.reid.nights import looks_of
from herdbook.matching.pools import Kept, PoolOptions, pooled
from support.queries import SHARED_DATA

EASY = {"looks": {}, "detail": {"embeddings_per_hour": 4, "tracklets_per_day": 4, "chunk_days": 2, "dimensions": 64}}


def result(truth: list[int], claimed: list[int], sure: list[float], since: list[float]) -> NightResult:
    """One night with tracklets of 10 s each."""
    return NightResult(
        1, np.array(truth), np.array(claimed), np.array(sure), np.full(len(truth), 10.0), np.array(since), 2.0, 1.0, 1.5
    )


def test_figures_of_a_night_worked_out_by_hand() -> None:
    """Animals 0 and 1 are enrolled, 2 is not: one tracklet right, one wrong, one not sure, the stranger named."""
    nan = float("nan")
    found = figures([result([0, 1, 1, 2], [0, 0, 1, 1], [0.9, 0.8, 0.3, 0.7], [3, 3, 3, nan])], 0.6)
    assert (found.rank1, found.mean_ap) == (0.5, 0.75)
    assert found.identity_f1 == pytest.approx(2 * 10 / (2 * 10 + 20 + 20))
    assert (found.wrong, found.strangers_named) == (pytest.approx(2 / 3), 1.0)
    assert (found.enrolled_missed, found.abstained) == (pytest.approx(1 / 3), 0.25)
    assert found.says == pytest.approx(2.7 / 4)
    assert found.is_right == 0.5
    assert found.calibration_error == pytest.approx((0.1 + 0.8 + 0.7 + 0.7) / 4)


def test_nothing_to_count_is_no_zero() -> None:
    assert figures([], 0.6).rank1 is None
    assert by_age([], 0.6) == {}


def test_animals_that_look_unlike_each_other_are_all_found() -> None:
    nights = list(herd_nights(hard_plan(1, **EASY), range(3)))
    found = figures(follow(nights, Way("plain")), 0.6)
    assert found.rank1 == pytest.approx(1.0, abs=0.02)
    assert found.identity_f1 is not None
    assert found.identity_f1 > 0.97


def test_posture_and_dirt_make_it_hard_and_recent_looks_help() -> None:
    nights = [night for day in range(0, 30, 4) for night in herd_nights(hard_plan(1), range(day, day + 1))]
    plain = figures(follow(nights, Way("plain"), strangers=[3])[3:], 0.6)
    pools = figures(follow(nights, Way("pools", pools=PoolOptions()), strangers=[3])[3:], 0.6)
    assert plain.rank1 is not None
    assert pools.rank1 is not None
    assert plain.identity_f1 is not None
    assert pools.identity_f1 is not None
    assert plain.rank1 < 0.9
    assert pools.rank1 > plain.rank1 + 0.05
    assert pools.identity_f1 > plain.identity_f1 + 0.05


def test_a_nights_looks_are_means_by_quality() -> None:
    [night] = herd_nights(hard_plan(2, **EASY), range(1))
    looks = looks_of(night, lambda vectors: vectors)
    rows = night.tracklet == looks.tracklets[0]
    mean = (night.vectors[rows] * night.quality[rows, None]).sum(axis=0)
    assert looks.mean[0] == pytest.approx(mean / np.linalg.norm(mean), abs=1e-5)
    assert looks.weight[0] == pytest.approx(night.quality[rows].sum())


@pytest.mark.parametrize("bits", BITS)
def test_a_code_gives_vectors_back_to_half_a_step(bits: int) -> None:
    vectors = np.random.default_rng(bits).standard_normal((20, 33)).astype(np.float32)
    vectors[0] = 0
    codes, scale = encode(vectors, bits)
    assert np.abs(codes).max() == 2 ** (bits - 1) - 1
    assert (np.abs(decode(codes, scale) - vectors) <= scale[:, None] / 2 + 1e-6).all()


def test_a_code_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no code of 7 bits"):
        encode(np.ones((1, 2), np.float32), 7)


def kept(days: list[float], *, enrolled: bool = False) -> Kept:
    """Looks of animal 0, one on each of some days."""
    n = len(days)
    return Kept(
        np.zeros(n, np.int64),
        np.eye(n, 4),
        np.ones(n),
        np.array(days) * 86_400,
        np.zeros(n, bool),
        np.full(n, enrolled),
    )


def test_looks_age_and_go_but_enrolled_ones_stay() -> None:
    options = PoolOptions(days=10, half_life_days=5, least=0.1)
    references = pooled("s", kept([0.0, 12.0, 17.0]), 17 * 86_400.0, options)
    assert references.weight == pytest.approx([0.5, 1.0])
    assert pooled("s", kept([0.0], enrolled=True), 100 * 86_400.0, options).weight == pytest.approx([0.1])


def test_of_a_day_and_light_only_the_best_looks_are_kept() -> None:
    many = replace(kept([1.0, 1.1, 1.2, 1.3]), weight=np.array([1.0, 4.0, 3.0, 2.0]))
    references = pooled("s", many, 2 * 86_400.0, PoolOptions(per_day=2))
    assert references.mean.argmax(axis=1).tolist() == [1, 2]


@pytest.mark.slow
@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="the reference data is not here")
def test_the_real_pair_in_halves() -> None:
    pytest.importorskip("cv2", reason="the embedder needs the extra 'edge'")
    nights = halves(SHARED_DATA / "footage" / "pair_gt.txt", SHARED_DATA / "footage" / "pair.mp4")
    assert [set(night.truth.tolist()) for night in nights] == [{0, 1}, {0, 1}]
    found = figures(follow(nights, Way("plain")), 0.6)
    assert found.rank1 is not None
    assert 0.4 <= found.rank1 <= 1.0, "two flies; coat colours hardly tell them apart"
