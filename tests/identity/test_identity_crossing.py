"""After a change of model: enrolled animals are looked for over a bridge, if it was measured and loses little."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from herdbook.identity.bridge import SpaceMap, find_bridge, write_map
from herdbook.identity.crossing import cross
from herdbook.matching.decide import BY_BRIDGE, BY_LOOKS, Day, decide
from herdbook.matching.evidence import Looks, References
from support.herd import Herd, at

ANIMALS, DIMENSIONS = 5, 32
TURN = np.linalg.qr(np.random.default_rng(1).normal(size=(DIMENSIONS, DIMENSIONS)))[0]
RNG = np.random.default_rng(0)


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


FACES = unit(RNG.normal(size=(ANIMALS, DIMENSIONS)))


def near(faces: np.ndarray) -> np.ndarray:
    return unit(faces + 0.3 * RNG.normal(size=faces.shape) / np.sqrt(DIMENSIONS))


@pytest.fixture
def lake() -> Iterator[Herd]:
    with Herd() as herd:
        yield herd


@pytest.fixture
def looks() -> Looks:
    """All animals, seen at once by the new release."""
    new = FACES @ TURN
    halves = np.stack([near(new), near(new)], axis=1)
    return Looks("new", np.arange(ANIMALS), near(new), halves, np.full(ANIMALS, 20.0))


@pytest.fixture
def enrolled() -> References:
    """All animals, as the old release saw them."""
    return References("old", np.repeat(np.arange(ANIMALS), 2), near(np.repeat(FACES, 2, axis=0)))


def bridge(
    lake: Herd,
    folder: Path,
    *,
    across: float | None = 0.9,
    within: float | None = 0.95,
    queries: int = 60,
    held_out: str = "clip",
) -> None:
    zero = np.zeros(DIMENSIONS)
    digest = write_map(folder, SpaceMap("old", "new", zero, TURN, zero))
    run = {"bridge_id": "1", "from_release_id": "a", "to_release_id": "b", "from_sha256": "0", "to_sha256": "1"}
    lake.insert("bridge.run", run | {"clips": [], "seconds": 1, "software_version": "1", "made_at": at(0)})
    spaces = {"from_space_id": "old", "to_space_id": "new", "from_dimensions": 32, "to_dimensions": 32}
    measured = {"pairs": 9, "cosine": 0.9, "queries": queries, "rank1_across": across, "rank1_within": within}
    measured["held_out"] = held_out
    lake.insert("bridge.space", {"bridge_id": "1", "map_sha256": digest} | spaces | measured)


def claims(looks: Looks, references: tuple[References, ...]) -> list[tuple[str | None, str]]:
    day = Day(
        tracklet_ids=tuple(f"t{k}" for k in range(ANIMALS)),
        camera=("c",) * ANIMALS,
        start=np.zeros(ANIMALS),
        end=np.full(ANIMALS, 60.0),
        animal_ids=tuple(f"a{k}" for k in range(ANIMALS)),
        possible=np.ones((ANIMALS, ANIMALS), bool),
        groups=(frozenset("c"),),
        looks=(looks,),
        references=references,
        enrolled={},
    )
    return [(claim.animal_id, claim.method) for claim in decide(day)]


def test_without_a_bridge_nobody_is_known_after_the_change(
    lake: Herd, looks: Looks, enrolled: References, tmp_path: Path
) -> None:
    references = cross(lake.db, tmp_path, [looks], [enrolled])
    assert references == (enrolled,)
    assert claims(looks, references) == [(None, BY_LOOKS)] * ANIMALS


def test_over_a_good_bridge_animals_are_known_and_the_claim_says_how(
    lake: Herd, looks: Looks, enrolled: References, tmp_path: Path
) -> None:
    bridge(lake, tmp_path)
    references = cross(lake.db, tmp_path, [looks], [enrolled])
    assert claims(looks, references) == [(f"a{k}", BY_BRIDGE) for k in range(ANIMALS)]
    assert find_bridge(lake.db, tmp_path, "old", "new").rank1_across == 0.9


@pytest.mark.parametrize(("across", "within"), [(0.8, 0.95), (None, None), (0.9, None), (0.0, 0.0)])
def test_a_bridge_that_loses_much_or_was_not_measured_so_far_carries_nobody(
    lake: Herd, looks: Looks, tmp_path: Path, across: float | None, within: float | None
) -> None:
    bridge(lake, tmp_path, across=across, within=within)
    enrolled = References("old", np.arange(ANIMALS), FACES)
    assert cross(lake.db, tmp_path, [looks], [enrolled]) == (enrolled,)


@pytest.mark.parametrize(("queries", "held_out"), [(49, "clip"), (500, "track")])
def test_a_bridge_measured_on_little_or_on_clips_it_was_made_from_carries_nobody(
    lake: Herd, looks: Looks, tmp_path: Path, queries: int, held_out: str
) -> None:
    bridge(lake, tmp_path, across=1.0, within=1.0, queries=queries, held_out=held_out)
    enrolled = References("old", np.arange(ANIMALS), FACES)
    assert cross(lake.db, tmp_path, [looks], [enrolled]) == (enrolled,)


def test_a_map_that_is_gone_or_spoiled_is_no_bridge(
    lake: Herd, looks: Looks, enrolled: References, tmp_path: Path
) -> None:
    bridge(lake, tmp_path)
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(b"spoiled")
    assert cross(lake.db, tmp_path, [looks], [enrolled]) == (enrolled,)
    kept.unlink()
    assert cross(lake.db, tmp_path, [looks], [enrolled]) == (enrolled,)


def test_who_is_enrolled_again_stays_as_enrolled(
    lake: Herd, looks: Looks, enrolled: References, tmp_path: Path
) -> None:
    bridge(lake, tmp_path)
    again = References("new", np.array([0]), near(FACES[:1] @ TURN))
    found = {r.space_id: r for r in cross(lake.db, tmp_path, [looks], [enrolled, again])}
    assert found["old"] is enrolled
    assert found["new"].animals.tolist() == [0, *np.repeat(np.arange(1, ANIMALS), 2).tolist()]
    assert found["new"].over == frozenset(range(1, ANIMALS))
    assert [method for _, method in claims(looks, tuple(found.values()))] == [BY_LOOKS] + [BY_BRIDGE] * (ANIMALS - 1)


def test_a_bridge_leads_one_way(lake: Herd, enrolled: References, tmp_path: Path) -> None:
    bridge(lake, tmp_path)
    back = Looks("old", np.arange(1), FACES[:1], np.zeros((1, 2, DIMENSIONS)), np.ones(1))
    new = References("new", np.array([0]), FACES[:1] @ TURN)
    assert cross(lake.db, tmp_path, [back], [new]) == (new,)
