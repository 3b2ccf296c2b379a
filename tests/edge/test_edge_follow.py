"""Animals are followed by overlap and looks, and found again by place and looks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.edge.perception.follow import SURE, SURE_ELSEWHERE, Follower
from herdbook.edge.perception.sighting import Sighting, sight, touching

LIGHT, DARK = np.eye(2, 8, dtype=np.float32)
SIZE = (60, 80)


def animal(x: float, y: float, look: np.ndarray = LIGHT, score: float = 0.9) -> Sighting:
    """16 x 8 cells about a place, one cell a pixel."""
    mask = np.zeros(SIZE, bool)
    mask[round(y) - 4 : round(y) + 4, round(x) - 8 : round(x) + 8] = True
    return sight(mask, score=score, embedding=look, postures=np.zeros(0), frame=SIZE)


def follow(*frames: list[Sighting], fps: float = 5, lost_s: float = 10) -> list[list[int]]:
    follower = Follower(lost_s)
    return [follower.update(frame, n / fps) for n, frame in enumerate(frames)]


def test_animals_that_pass_each_other_keep_their_numbers_by_looks() -> None:
    frames = [[animal(20 + 2 * n, 28), animal(60 - 2 * n, 32, DARK)] for n in range(20)]
    assert {tuple(numbers) for numbers in follow(*frames)} == {(1, 2)}


def test_the_order_of_sightings_does_not_matter() -> None:
    one, other = animal(20, 20), animal(24, 29, DARK)
    follower = Follower(10)
    assert follower.update([one, other], 0) == [1, 2]
    assert follower.update([other, one], 0.2) == [2, 1]


def test_a_hidden_animal_is_found_again_near_where_it_was_lost() -> None:
    seen, empty = [animal(20, 20)], []
    assert follow(seen, seen, *[empty] * 20, [animal(45, 20)])[-1] == [1]
    assert follow(seen, seen, *[empty] * 20, [animal(45, 20, DARK)], [animal(45, 20, DARK)])[-2:] == [[0], [2]]


def test_one_that_turns_up_too_far_away_at_once_is_another() -> None:
    assert follow([animal(10, 10)], [animal(70, 50)], [animal(70, 50)])[-2:] == [[0], [2]]


def test_of_two_lost_ones_the_one_that_looks_so_comes_back() -> None:
    frames = [[animal(20, 20), animal(20, 40, DARK)], *[[]] * 10, [animal(32, 30, DARK)], [animal(32, 30, DARK)]]
    assert follow(*frames)[-2:] == [[2], [2]]


@pytest.mark.parametrize("fps", [0.7, 2, 5])
def test_what_one_frame_alone_shows_is_no_animal(fps: float) -> None:
    one, other = animal(20, 20), animal(60, 50, DARK)
    assert follow([one], [one, other], [one], [one, other], fps=fps) == [[1], [1, 0], [1], [1, 0]]
    assert follow([one], [one, other], [one, other], fps=fps)[-1][1] > 0


def test_what_is_lost_for_too_long_has_ended() -> None:
    follower = Follower(1.0)
    assert follower.update([animal(20, 20)], 0) == [1]
    assert follower.update([animal(20, 20)], 1.0) == [1]
    assert follower.take_ended() == []
    assert follower.update([animal(20, 20)], 2.2) == [2]
    assert follower.take_ended() == [1]
    assert follower.take_ended() == []


def test_unsure_sightings_continue_tracks_and_begin_none() -> None:
    unsure = SURE - 0.05
    assert follow([animal(20, 20, score=unsure)], [animal(20, 20)], [animal(21, 20, score=unsure)]) == [[0], [1], [1]]
    lost = [[animal(20, 20)], *[[]] * 5]
    assert follow(*lost, [animal(20, 20, score=unsure)], [animal(20, 20)])[-2:] == [[0], [1]]


def test_half_sure_ones_do_not_end_an_absence_elsewhere() -> None:
    lost = [[animal(20, 20)], *[[]] * 20]
    assert follow(*lost, [animal(45, 20, score=SURE_ELSEWHERE - 0.02)])[-1] == [0]
    assert follow(*lost, [animal(22, 20, score=SURE_ELSEWHERE - 0.02)])[-1] == [1]


@given(st.lists(st.lists(st.tuples(st.integers(8, 72), st.integers(4, 56), st.booleans()), max_size=4), max_size=8))
def test_numbers_are_distinct_in_a_frame_and_bounded(frames: list[list[tuple[int, int, bool]]]) -> None:
    said = follow(*[[animal(x, y, LIGHT if light else DARK) for x, y, light in frame] for frame in frames])
    shown = 0
    for numbers in said:
        shown += len(numbers)
        told = [number for number in numbers if number]
        assert len(set(told)) == len(told)
        assert max(told, default=0) <= shown


def test_a_sighting_in_a_stretched_picture_has_true_sizes() -> None:
    mask = np.zeros((60, 80), bool)
    rows, columns = np.mgrid[0:60, 0:80]
    # an ellipse of 120 x 40 pixels at 30 degrees in a frame of 240 x 240
    x, y = (columns + 0.5) * 3 - 120, (rows + 0.5) * 4 - 120
    c, s = np.cos(np.radians(30)), np.sin(np.radians(30))
    mask = ((c * x + s * y) / 60) ** 2 + ((c * y - s * x) / 20) ** 2 <= 1
    found = sight(mask, score=1, embedding=LIGHT, postures=np.zeros(0), frame=(240, 240)).shape
    assert (found.length, found.width) == pytest.approx((120, 40), rel=0.03)
    assert np.degrees(found.angle) % 180 == pytest.approx(30, abs=2)
    assert found.area == pytest.approx(np.pi * 60 * 20, rel=0.03)


def test_touching_is_said_of_neighbours_only() -> None:
    masks = np.zeros((3, 10, 20), bool)
    masks[0, 2:5, 2:6] = masks[1, 5:8, 4:9] = masks[2, 2:5, 12:15] = True
    assert touching(masks) == [True, True, False]
    assert touching([]) == []
