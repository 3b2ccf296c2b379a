"""Maps between embedding spaces: what is turned is turned back, and the error is of what the map was not made from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from herdbook.errors import CrossSpaceError, NotFoundError, TransferCorruptError
from herdbook.identity.bridge import SpaceMap, read_map, write_map
from herdbook.learning.bridge.align import Alignment, align
from herdbook.learning.bridge.fit import choose, fit, folds, methods
from herdbook.learning.bridge.pairs import Pairs, no_pairs

CLIPS, ANIMALS, TIMES, DIMENSIONS = 6, 4, 5, 12


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def looks(seed: int = 0, noise: float = 0.2) -> np.ndarray:
    """[clips, animals, times, dimensions]: every clip has animals of its own, which look alike at all times."""
    rng = np.random.default_rng(seed)
    animals = rng.normal(size=(CLIPS, ANIMALS, 1, DIMENSIONS)) + 1
    return unit(animals + noise * rng.normal(size=(CLIPS, ANIMALS, TIMES, DIMENSIONS)))


def rotation(seed: int = 1, size: int = DIMENSIONS) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))[0]


def aligned(old: np.ndarray, new: np.ndarray, cameras: int = 3) -> Alignment:
    tracks = np.repeat(np.arange(ANIMALS), TIMES)
    clips = [
        Pairs(tracks, o.reshape(len(tracks), -1), n.reshape(len(tracks), -1)) for o, n in zip(old, new, strict=True)
    ]
    places = [(f"c{k % cameras}", f"c{k % cameras}/1", f"clip-{k}") for k in range(len(clips))]
    return align(clips, places, ("old", "new"))


def test_the_same_space_needs_no_map() -> None:
    old = looks()
    found = aligned(old, old)
    assert found.method == "procrustes"
    assert found.cosine == pytest.approx(1, abs=1e-9)
    assert found.rank1_across == found.rank1_within
    assert found.map is not None
    np.testing.assert_allclose(found.map.matrix, np.eye(DIMENSIONS), atol=1e-6)


def test_a_turned_space_is_turned_back() -> None:
    old, turn = looks(), rotation()
    found = aligned(old, old @ turn)
    assert (found.method, found.held_out, found.pairs) == ("procrustes", "camera", CLIPS * ANIMALS * TIMES)
    assert found.cosine == pytest.approx(1, abs=1e-6)
    assert found.cosine_strangers is not None
    assert found.cosine_strangers < 0.9
    assert found.rank1_across == found.rank1_within
    assert found.map is not None
    np.testing.assert_allclose(found.map.matrix, turn, atol=1e-3)


def test_a_space_with_fewer_dimensions_is_reached_by_ridge() -> None:
    old = looks()
    turn = rotation()[:, :8]
    found = aligned(old, unit(old @ turn))
    assert found.method == "ridge"
    assert found.map is not None
    assert found.map.matrix.shape == (DIMENSIONS, 8)
    assert found.cosine is not None
    assert found.cosine_strangers is not None
    assert found.cosine > 0.98 > found.cosine_strangers


def test_spaces_that_have_nothing_in_common_are_said_to() -> None:
    found = aligned(looks(0), looks(1))
    assert found.cosine is not None
    assert found.cosine_strangers is not None
    assert abs(found.cosine - found.cosine_strangers) < 0.1, "an animal is no nearer to itself than to strangers"
    assert found.rank1_across is not None
    assert found.rank1_within is not None
    assert found.rank1_across < 0.5 < found.rank1_within


@pytest.mark.parametrize(("cameras", "held_out"), [(3, "camera"), (1, "clip")])
def test_the_largest_that_there_is_enough_of_is_held_out(cameras: int, held_out: str) -> None:
    assert aligned(looks(), looks(), cameras).held_out == held_out


def test_one_clip_holds_out_tracks_and_too_few_pairs_give_no_map() -> None:
    assert aligned(looks()[:1], looks()[:1]).held_out == "track"
    none = align([no_pairs()], [("c", "c/1", "x")])
    assert (none.pairs, none.map, none.cosine) == (0, None, None)


def test_the_error_is_not_of_what_the_map_was_made_from() -> None:
    """Noise in 12 dimensions can be learned by heart from few pairs; on held-out ones it must not look learned."""
    rng = np.random.default_rng(0)
    old, new = (
        unit(rng.normal(size=(3, ANIMALS, TIMES, DIMENSIONS))),
        unit(rng.normal(size=(3, ANIMALS, TIMES, DIMENSIONS))),
    )
    found = aligned(old, new)
    assert found.cosine is not None
    assert found.cosine < 0.3


def test_no_group_is_on_both_sides() -> None:
    groups = np.array([0, 0, 1, 2, 2, 3, 4, 5, 6, 6])
    held = list(folds(groups))
    assert len(held) == 5
    assert (np.sum(held, axis=0) == 1).all()
    for out in held:
        assert not set(groups[out]) & set(groups[~out])


@settings(max_examples=25)
@given(st.integers(2, 8), st.integers(0, 2**31))
def test_any_rotation_is_recovered(size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    old, turn = unit(rng.normal(size=(8 * size, size))), rotation(seed, size)
    new = old @ turn
    method = choose(old, new, np.arange(len(old)) % 3)
    mapped = fit(method, old, new, ("a", "b")).apply(old, "a")
    assert (mapped * new).sum(axis=1).min() > 0.999


def test_with_one_group_the_stiffest_is_taken() -> None:
    old = looks()[0].reshape(-1, DIMENSIONS)
    assert choose(old, old, np.zeros(len(old), np.int64)) == methods((DIMENSIONS, DIMENSIONS))[0]


# -- the map itself ---------------------------------------------------------------------------------------------------


@pytest.fixture
def made() -> SpaceMap:
    return SpaceMap("old", "new", np.zeros(3), np.eye(3), np.zeros(3))


def test_a_map_takes_no_vectors_of_another_space(made: SpaceMap) -> None:
    assert made.apply(np.eye(3), "old") == pytest.approx(np.eye(3))
    with pytest.raises(CrossSpaceError, match="the map leads from 'old', the vectors are of 'new'"):
        made.apply(np.eye(3), "new")
    with pytest.raises(CrossSpaceError, match="3 dimensions"):
        made.apply(np.eye(4), "old")


def test_a_map_is_kept_by_its_digest(made: SpaceMap, tmp_path: Path) -> None:
    digest = write_map(tmp_path, made)
    assert write_map(tmp_path, made) == digest
    again = read_map(tmp_path, digest)
    assert (again.from_space, again.to_space) == ("old", "new")
    np.testing.assert_array_equal(again.matrix, made.matrix)
    (tmp_path / f"{digest}.npz").write_bytes(b"something else")
    with pytest.raises(TransferCorruptError, match="not the map of that digest"):
        read_map(tmp_path, digest)
    with pytest.raises(NotFoundError):
        read_map(tmp_path, "0" * 64)
