"""Lenses, conditions and gestures of hard scenes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from herdbook.contracts.ethogram import load_ethogram
from herdbook.simulate.bodies import discs
from herdbook.simulate.design import design_farm
from herdbook.simulate.device_days import visit
from herdbook.simulate.farm import Farm
from herdbook.simulate.layout import draw_layout
from herdbook.simulate.plan import FarmPlan
from herdbook.simulate.stage.anatomy import Attitude
from herdbook.simulate.stage.gestures import gestures_at
from herdbook.simulate.stage.hides import Hide
from herdbook.simulate.stage.lens import Lens
from herdbook.simulate.stage.parts import Head
from herdbook.simulate.stage.plan import MAX_SEVERITY, Condition, Mount, Shot, StagePlan
from herdbook.simulate.stage.species import CALF, PIG, SPECIES, Species
from herdbook.simulate.trajectory import PenDay

pytest.importorskip("cv2", reason="drawing needs the extra 'edge'")

SIZE = (320, 240)
DAY = date(2025, 5, 5)
mounts = st.builds(
    Mount,
    height_m=st.floats(2.2, 6),
    tilt_deg=st.floats(0, 35),
    towards_deg=st.floats(0, 359),
    roll_deg=st.floats(-20, 20),
    distortion=st.floats(-0.28, 0),
)


def _plan(**stage: object) -> FarmPlan:
    return FarmPlan(
        seed=9, days=1, start_day=DAY, pens=1, animals_per_pen=6, outages_per_day=0, clip_seconds=4,
        stage=StagePlan(shots=(Shot(at=time(9)),), **stage),
    )  # fmt: skip


def _lived(species: str) -> tuple[Farm, PenDay]:
    farm = design_farm(_plan(species=species, space_m2=1.8 if species == "pig" else 3.0))
    return farm, visit(farm, farm.pens[0], DAY)


@pytest.fixture(scope="module", params=["pig", "calf"])
def lived(request: pytest.FixtureRequest) -> tuple[Species, Farm, PenDay]:
    return SPECIES[request.param], *_lived(request.param)


@settings(max_examples=40)
@given(mount=mounts, seed=st.integers(0, 1000))
def test_a_lens_maps_floor_to_pixels_and_back_and_sees_the_whole_pen(mount: Mount, seed: int) -> None:
    layout = draw_layout(8, 1, np.random.default_rng(seed), space_m2=1.6)
    lens = Lens(mount, layout, SIZE)
    points = np.random.default_rng(seed).uniform((0, 0), (layout.width_m, layout.depth_m), (200, 2))
    pixels = lens.project(points)
    assert np.all((pixels >= 0) & (pixels <= SIZE))
    assert np.allclose(lens.floor(pixels), points, atol=0.01)


@settings(max_examples=20)
@given(mount=mounts)
def test_calibration_is_exact_without_distortion_and_says_its_error_with(mount: Mount) -> None:
    layout = draw_layout(8, 1, np.random.default_rng(1), space_m2=1.6)
    straight = mount.model_copy(update={"distortion": 0.0})
    assert Lens(straight, layout, SIZE).homography(layout)[1] < 1e-6
    lens = Lens(mount, layout, SIZE)
    homography, error = lens.homography(layout)
    gx, gy = np.meshgrid(np.linspace(0, layout.width_m, 9), np.linspace(0, layout.depth_m, 9))
    points = np.column_stack([gx.ravel(), gy.ravel()])
    mapped = np.column_stack([lens.project(points), np.ones(len(points))]) @ np.reshape(homography, (3, 3)).T
    off = np.hypot(*(mapped[:, :2] / mapped[:, 2:] - points).T)
    assert error == pytest.approx(np.sqrt((off**2).mean()), abs=1e-4)  # it is written down rounded


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    """A picture with floor, dark and light bodies, and texture."""
    rng = np.random.default_rng(0)
    picture = rng.normal(110, 6, (SIZE[1], SIZE[0], 3))
    for at, tone in (((60, 60), 215), ((120, 200), 45), ((180, 120), 190)):
        picture[at[0] - 20 : at[0] + 20, at[1] - 40 : at[1] + 40] = tone
    picture[::8] *= 0.6
    return np.clip(picture, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("condition", list(Condition))
@pytest.mark.parametrize("seed", range(3))
def test_every_grade_takes_the_picture_further_from_the_clear_one(
    scene: np.ndarray, condition: Condition, seed: int
) -> None:
    import cv2

    from herdbook.simulate.stage.conditions import Air

    def delivered(severity: int) -> np.ndarray:
        shot = Shot(at=time(9), **{condition.value: severity})
        rng = np.random.default_rng(seed)
        air = Air(shot, Mount(), SIZE, rng)
        yuv = air.deliver(air.see(scene, 1.0, 2.0), rng)
        return cv2.cvtColor(yuv, cv2.COLOR_YUV2RGB_I420).astype(float)

    pictures = [delivered(severity) for severity in range(MAX_SEVERITY + 1)]
    off = [float(np.sqrt(((p - pictures[0]) ** 2).mean())) for p in pictures]
    assert off[0] == 0
    assert all(b > a + 0.2 for a, b in pairwise(off)), off


def test_clear_air_and_a_perfect_camera_leave_the_picture_alone(scene: np.ndarray) -> None:
    from herdbook.simulate.stage.conditions import Air

    perfect = Mount(softness_px=0, noise=0)
    air = Air(Shot(at=time(9)), perfect, SIZE, np.random.default_rng(0))
    assert np.array_equal(air.see(scene, 1.0, 0.0), scene)


def test_night_has_no_colour(scene: np.ndarray) -> None:
    from herdbook.simulate.stage.conditions import Air

    red = scene.copy()
    red[..., 1:] //= 2
    seen = Air(Shot(at=time(9), night=1), Mount(), SIZE, np.random.default_rng(0)).see(red, 1.0, 0.0)
    assert np.array_equal(seen[..., 0], seen[..., 1])
    assert np.array_equal(seen[..., 1], seen[..., 2])


def test_a_species_does_what_its_ethogram_names(lived: tuple[Species, Farm, PenDay]) -> None:
    species, _, day = lived
    assert {bout.behaviour for bout in day.bouts} == set(load_ethogram(species.ethogram_id).names)
    assert set(load_ethogram("calf-8").names) < set(load_ethogram("pig-9").names)


def test_no_body_settles_beyond_a_wall(lived: tuple[Species, Farm, PenDay]) -> None:
    """On their way and while they turn, noses may cross a wall."""
    _, farm, day = lived
    layout = farm.pens[0].layout
    for animal in farm.animals:
        bouts = [b for b in day.bouts if b.animal_id == animal.animal_id and b.behaviour in ("sleeping", "standing")]
        middles = np.array([(b.started + b.ended) / 2 for b in bouts])
        centres = discs(day.trajectories[animal.animal_id].at(middles), animal.body)
        beyond = np.maximum(
            animal.body.radius - centres, centres + animal.body.radius - (layout.width_m, layout.depth_m)
        )
        assert np.mean(beyond.max(axis=(1, 2)) < 0.15) > 0.98


def test_social_contact_reaches_a_pen_mate(lived: tuple[Species, Farm, PenDay]) -> None:
    _, farm, day = lived
    reached = []
    for bout in (b for b in day.bouts if b.behaviour == "social"):
        moment = np.array([(bout.started + bout.ended) / 2])
        gaps = []
        for animal in farm.animals:
            pose = day.trajectories[animal.animal_id].at(moment)[0]
            if animal.animal_id == bout.animal_id:
                snout = pose[:2] + animal.length_m / 2 * np.array([np.cos(pose[2]), np.sin(pose[2])])
        for animal in farm.animals:
            if animal.animal_id != bout.animal_id:
                body = discs(day.trajectories[animal.animal_id].at(moment)[0], animal.body)
                gaps.append(np.hypot(*(body - snout).T).min() - animal.body.radius)
        reached.append(min(gaps) < 0.12)
    assert len(reached) > 30
    assert np.mean(reached) > 0.9


def test_postures_and_heads_tell_behaviours_apart_in_part(lived: tuple[Species, Farm, PenDay]) -> None:
    """Sleepers lie flat more often and hold the head still; who lies awake moves it; noses go down to root and eat."""
    species, farm, day = lived
    flat: dict[str, list[bool]] = {}
    moving: dict[str, list[float]] = {}
    heads: dict[str, set[Head]] = {}
    for k, animal in enumerate(farm.animals):
        for bout in [b for b in day.bouts if b.animal_id == animal.animal_id and b.ended - b.started > 5][::5]:
            times = np.linspace(bout.started + 0.5, min(bout.ended, bout.started + 10) - 0.5, 8)
            shown = [frame[k] for frame in gestures_at(day, farm.animals, species, times)]
            flat.setdefault(bout.behaviour, []).append(shown[0].trunk.attitude is Attitude.LATERAL)
            moving.setdefault(bout.behaviour, []).append(float(np.std([g.yaw for g in shown])))
            heads.setdefault(bout.behaviour, set()).update(g.head for g in shown)
    assert np.mean(flat["sleeping"]) > np.mean(flat["lying"])
    assert not any(flat["standing"])
    assert max(moving["sleeping"]) < 0.01 < np.median(moving["lying"])
    assert heads["investigating"] == heads["eating"] == {Head.DOWN}
    assert heads["social"] == heads["walking"] == {Head.LEVEL}
    if species is PIG:
        assert 0 < np.mean(flat["lying"]) < np.mean(flat["sleeping"]) < 1  # no cue decides alone


def test_animals_of_a_family_look_alike() -> None:
    farm = design_farm(_plan(families=2, marked=0.0))
    coats = [a.coat for a in farm.animals]
    assert all(isinstance(coat, Hide) and not coat.sprayed for coat in coats)
    for a in coats:
        for b in coats:
            if a.family == b.family:
                assert np.abs(np.array(a.base) - b.base).max() < 40
                assert (a.second, a.pattern) == (b.second, b.pattern)


def test_species_are_their_own_keys() -> None:
    assert replace(CALF, name="other") != CALF  # by identity: pictures of a species are kept under it


@pytest.mark.parametrize(
    "wrong",
    [
        {"shots": ()},
        {"shots": (Shot(at=time(9)), Shot(at=time(8)))},
        {"species": "goat"},
        {"mount": {"tilt_deg": 80}},
    ],
)
def test_an_impossible_stage_is_refused(wrong: dict) -> None:
    with pytest.raises(ValidationError):
        StagePlan.model_validate({"shots": ({"at": "09:00"},)} | wrong)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cameras_per_pen": 2}, "one camera"),
        ({"outages_per_day": 1.0}, "has none"),
        ({"clip_seconds": 120, "stage": {"shots": ({"at": "09:00"}, {"at": "09:01"})}}, "overlap"),
    ],
)
def test_a_farm_that_a_stage_does_not_fit_is_refused(changes: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        FarmPlan.model_validate({"outages_per_day": 0, "stage": {"shots": ({"at": "09:00"},)}} | changes)
