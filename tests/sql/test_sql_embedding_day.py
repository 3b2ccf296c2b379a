"""animal_embedding_day: what an animal looked like."""

from __future__ import annotations

import math

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.herd import Herd, at


def look(herd: Herd, tracklet: str, minute: float, vector: list[int], *, quality: float = 1, space: str = "s") -> None:
    herd.insert(
        "record.embedding",
        {
            "load_id": "l1",
            "tracklet_id": tracklet,
            "at": at(minute / 60),
            "space_id": space,
            "vector": vector,
            "scale": 0.01,
            "quality": quality,
            "clip": None,
            "release_id": "m1",
        },
    )


def test_the_mean_of_identified_looks_has_length_one(herd: Herd) -> None:
    herd.load()
    t, u = herd.tracklet(1, 2), herd.tracklet(2, 3)
    look(herd, t, 70, [100, 0])
    look(herd, u, 130, [0, 100])
    look(herd, herd.tracklet(3, 4, animal="a2"), 190, [-100, 0])
    look(herd, herd.tracklet(4, 5, confidence=0.1), 250, [-100, 0])
    row = herd.one("FROM animal_embedding_day WHERE animal_id = 'a1'")
    assert row["vector"] == pytest.approx([math.sqrt(0.5)] * 2)
    assert (row["space_id"], row["n"]) == ("s", 2)


def test_a_look_counts_by_its_quality(herd: Herd) -> None:
    herd.load()
    t = herd.tracklet(1, 2)
    look(herd, t, 70, [100, 0], quality=0.75)
    look(herd, t, 80, [0, 100], quality=0.25)
    look(herd, t, 90, [0, -100], quality=0)
    row = herd.one("FROM animal_embedding_day")
    assert row["vector"] == pytest.approx([0.75 / math.hypot(0.75, 0.25), 0.25 / math.hypot(0.75, 0.25)])
    assert row["n"] == 2


def test_spaces_are_never_mixed(herd: Herd) -> None:
    herd.load()
    t = herd.tracklet(1, 2)
    look(herd, t, 70, [100, 0])
    look(herd, t, 70, [0, 0, 100], space="other")
    rows = herd.query("SELECT space_id, len(vector) FROM animal_embedding_day ORDER BY 1")
    assert rows == [("other", 3), ("s", 2)]


@settings(max_examples=20)
@given(
    st.lists(
        st.tuples(st.lists(st.integers(-127, 127), min_size=4, max_size=4), st.integers(1, 64).map(lambda n: n / 64)),
        min_size=1,
        max_size=6,
    )
)
def test_it_is_what_numpy_says(looks: list[tuple[list[int], float]]) -> None:
    total = sum(np.array(vector, float) * 0.01 * quality for vector, quality in looks)
    with Herd() as herd:
        herd.load()
        t = herd.tracklet(0, 24)
        for minute, (vector, quality) in enumerate(looks):
            look(herd, t, minute, vector, quality=quality)
        rows = herd.query("SELECT vector FROM animal_embedding_day")
    if np.linalg.norm(total) > 1e-6:
        assert rows[0][0] == pytest.approx(total / np.linalg.norm(total), abs=1e-4)


def test_looks_of_two_spaces_are_refused_with_what_to_do(herd: Herd) -> None:
    assert herd.query("SELECT look_cosine('a', [1, 0], 'a', [1, 1])")[0][0] == pytest.approx(0.5**0.5)
    with pytest.raises(duckdb.Error, match="herdbook learn bridge"):
        herd.query("SELECT look_cosine(s, [1, 0], 'a', [1, 1]) FROM (VALUES ('b')) AS t (s)")
