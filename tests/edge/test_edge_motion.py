"""The motion engine on drawn pictures: what it must see, whatever the parameters."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from herdbook.contracts.camera import Camera, Zone, ZoneKind
from herdbook.edge.config import MOTION_RELEASE
from herdbook.edge.perception import background
from herdbook.edge.perception.base import Instance
from herdbook.edge.perception.motion import MotionEngine
from herdbook.edge.perception.parameters import MotionParameters
from support import pen_video

T0 = datetime(2026, 6, 1, tzinfo=UTC)
Places = Callable[[float], list[pen_video.Place]]


def camera(*zones: Zone) -> Camera:
    return Camera(
        camera_id="c", pen_id="p", width=pen_video.WIDTH, height=pen_video.HEIGHT, fps=pen_video.FPS, zones=zones
    )


def engine(*zones: Zone, floor: np.ndarray | None = None) -> MotionEngine:
    made = MotionEngine(MOTION_RELEASE, MotionParameters())
    made.open(camera(*zones), pen_video.floor() if floor is None else floor, list)
    return made


def look(made: MotionEngine, places: Places, seconds: float, start: float = 0) -> list[tuple[Instance, ...]]:
    frames = pen_video.film(places, seconds)
    times = (T0 + timedelta(seconds=start + n / pen_video.FPS) for n in range(10**6))
    return [made.see(at, frame).instances for at, frame in zip(times, frames, strict=False)]


def test_boxes_hug_the_animals_and_keep_their_tracks() -> None:
    seen = look(engine(), pen_video.walker, 8)
    assert all(len(instances) == 2 for instances in seen)
    assert {i.track for instances in seen for i in instances} == {1, 2}
    for n, instances in enumerate(seen):
        for instance, (x, y, _) in zip(
            sorted(instances, key=lambda i: i.shape.x > 90 and i.shape.y > 60),
            pen_video.walker(n / pen_video.FPS),
            strict=True,
        ):
            assert abs(instance.shape.x - x) < 2.5
            assert abs(instance.shape.y - y) < 2.5
            assert instance.shape.length == pytest.approx(28, abs=4)
            assert 0 < instance.confidence <= 1
            assert 0 <= instance.quality <= 1


def test_an_animal_that_lies_for_half_an_hour_stays_visible() -> None:
    made = engine()
    frame = next(pen_video.film(lambda _: [(80, 60, 30)], 1))
    for second in range(0, 1800, 2):
        (instance,) = made.see(T0 + timedelta(seconds=second), frame).instances
    assert instance.track == 1
    assert instance.shape.area == pytest.approx(np.pi * 14 * 7, rel=0.2)


def test_the_floor_is_followed_when_the_light_dims() -> None:
    made = engine()
    for n, frame in enumerate(pen_video.film(pen_video.walker, 20)):
        dimmed = (frame * (1 - 0.4 * n / 100)).astype(np.uint8)
        seen = made.see(T0 + timedelta(seconds=n / pen_video.FPS), dimmed)
    assert len(seen.instances) == 2


def test_light_switched_on_is_trouble_not_an_animal() -> None:
    made = engine()
    first = next(pen_video.film(pen_video.walker, 1))
    assert made.see(T0, first).trouble is None
    glare = np.full_like(first, 250)
    glare[::2] = 30
    seen = made.see(T0 + timedelta(seconds=0.2), glare)
    assert seen.trouble is not None
    assert seen.instances == ()


def test_excluded_zones_are_not_looked_at() -> None:
    passage = Zone(
        zone_id="passage", kind=ZoneKind.EXCLUDED, polygon=((80, 55), (160, 55), (160, 120), (80, 120)), valid_from=T0
    )
    assert all(len(instances) == 1 for instances in look(engine(passage), pen_video.walker, 3))


def test_after_a_gap_tracks_are_new_and_no_number_is_given_twice() -> None:
    made = engine()
    before = {i.track for seen in look(made, pen_video.walker, 2) for i in seen}
    after = {i.track for seen in look(made, pen_video.walker, 2, start=60) for i in seen}
    assert before == {1, 2}
    assert len(after) == 2
    assert not before & after


def meeting(seconds: float) -> list[pen_video.Place]:
    """Two animals that meet side by side, touch for five seconds, and part again the way they came."""
    apart = max(0.0, min(abs(seconds - 6), 6.0) - 2.5) * 10
    return [(80 - 7 - apart, 60, 90), (80 + 7 + apart, 60, 90)]


def test_animals_that_touch_stay_two_and_keep_their_identity() -> None:
    seen = look(engine(), meeting, 12)
    assert all(len(instances) == 2 for instances in seen)
    left_first = min(seen[0], key=lambda i: i.shape.x).track
    left_last = min(seen[-1], key=lambda i: i.shape.x).track
    assert left_first == left_last


def test_animals_that_nobody_saw_apart_are_told_apart_by_their_shape() -> None:
    places = [(40, 30, 0), (40, 90, 0), (110, 60, 0), (128, 76, 90)]  # the last two touch, like a T
    assert all(len(instances) == 4 for instances in look(engine(), lambda _: places, 2))


def test_the_floor_is_found_under_an_animal_that_mostly_lies_still() -> None:
    """It lies in one place for three quarters of the time: a median would take it for floor."""

    def lies_then_leaves(seconds: float) -> list[pen_video.Place]:
        return [(40, 60, 0)] if seconds < 15 else [(120, 60, 0)]

    found = background.estimate(list(pen_video.film(lies_then_leaves, 20))[::2])
    assert np.abs(found.astype(int) - pen_video.floor().astype(int)).mean() < 4
    seen = [len(instances) for instances in look(engine(floor=found), lies_then_leaves, 20)]
    assert set(seen) == {0, 1}
    assert seen.count(0) == 1  # a track has its number from the second sight on, and here the animal has jumped


def test_embeddings_are_of_the_space_that_the_release_names() -> None:
    made = engine()
    frame = next(pen_video.film(pen_video.walker, 1))
    one, other = made.see(T0, frame).instances
    assert made.embed(one).shape == (MOTION_RELEASE.dimensions,)
    assert float(made.embed(one) @ made.embed(other)) < 0.9


def test_the_same_frames_give_the_same_answers() -> None:
    assert look(engine(), meeting, 6) == look(engine(), meeting, 6)


def test_a_lens_that_is_covered_is_trouble() -> None:
    made = engine()
    assert made.see(T0, np.full((pen_video.HEIGHT, pen_video.WIDTH, 3), 9, np.uint8)).trouble == "the picture is blank"


def by_night(frame: np.ndarray) -> np.ndarray:
    """Infrared: no colours, and materials that look alike by day (here stripes of the floor) do not."""
    stripes = np.array([1.5, 1.0, 0.5])[np.arange(frame.shape[1]) // 20 % 3]
    grey = frame.mean(axis=2, keepdims=True) * stripes[None, :, None]
    return np.repeat(grey, 3, axis=2).clip(0, 255).astype(np.uint8)


def test_a_camera_that_changes_to_infrared_is_learnt_once_and_known_ever_after() -> None:
    def roams(seconds: float) -> list[pen_video.Place]:
        return [(20 + (seconds * 7) % 120, 30 + (seconds // 17) % 2 * 60, 0)]

    made = engine()
    seconds = 0.0

    def watch(lasting: int, seen_by: Callable[[np.ndarray], np.ndarray]) -> list[int]:
        nonlocal seconds
        counts = []
        for frame in pen_video.film(roams, lasting, fps=1):
            seconds += 1
            seen = made.see(T0 + timedelta(seconds=seconds), seen_by(frame))
            counts.append(-1 if seen.trouble else len(seen.instances))
        return counts

    def plain(frame: np.ndarray) -> np.ndarray:
        return frame

    assert watch(10, plain)[-3:] == [1, 1, 1]
    first_night = watch(400, by_night)
    assert first_night[:300] == [-1] * 300
    assert first_night[-3:] == [1, 1, 1]
    assert watch(10, plain)[-3:] == [1, 1, 1]  # the day's floor is known
    assert watch(10, by_night)[-3:] == [1, 1, 1]  # and so is the night's


def test_a_bucket_is_an_animal_only_until_it_has_not_moved_for_hours() -> None:
    made = MotionEngine(MOTION_RELEASE, MotionParameters(furniture_s=600))
    made.open(camera(), pen_video.floor(), list)
    rng = np.random.default_rng(0)
    for second in range(0, 1200, 5):
        breath = float(rng.uniform(-2, 2))
        frame = pen_video.draw(pen_video.floor(), [(40, 40, 0), (110 + breath, 80, 0)])
        seen = made.see(T0 + timedelta(seconds=second), frame)
        if second == 300:
            assert len(seen.instances) == 2
    assert [round(i.shape.x / 10) for i in seen.instances] == [11]
