"""On a stage truth stays exact: what is seen, what is hidden, and where, through any lens and any weather."""

from __future__ import annotations

import hashlib
from datetime import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from herdbook.simulate import masks
from herdbook.simulate.farm import read_farm
from herdbook.simulate.layout import draw_layout
from herdbook.simulate.plan import FarmPlan
from herdbook.simulate.run import planned_frames, simulate_farm
from herdbook.simulate.stage import visible
from herdbook.simulate.stage.lens import Lens
from herdbook.simulate.stage.plan import Fixture, Floor, Mount, Shot, StagePlan

pytest.importorskip("cv2", reason="drawing needs the extra 'edge'")

STAGE = StagePlan(
    floor=Floor.PART_SLATS,
    mount=Mount(tilt_deg=18, towards_deg=70, distortion=-0.12),
    space_m2=1.3,
    hood=True,
    rails=2,
    fixture=Fixture.CABLE,
    visit_every_days=30,
    shots=(Shot(at=time(8, 30)), Shot(at=time(16, 30), night=3, motion_blur=2)),
)
PLAN = FarmPlan(
    seed=4, days=2, pens=1, animals_per_pen=5, width=320, height=240, fps=2, clip_seconds=4, outages_per_day=0,
    stage=STAGE,
)  # fmt: skip
BARE = STAGE.model_copy(update={"hood": False, "rails": 0, "fixture": Fixture.NONE})


def _simulated(folder: Path, stage: StagePlan, **changes: object) -> Path:
    simulate_farm(PLAN.model_copy(update={"stage": stage, **changes}), folder)
    return folder


@pytest.fixture(scope="module")
def covered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _simulated(tmp_path_factory.mktemp("stage") / "covered", STAGE)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same lives with nothing over them, in clear air."""
    shots = tuple(Shot(at=shot.at) for shot in STAGE.shots)
    return _simulated(tmp_path_factory.mktemp("stage") / "bare", BARE.model_copy(update={"shots": shots}))


def _days(farm: Path) -> list[Path]:
    return sorted(farm.glob("truth/*/*"))


def _masks(farm: Path) -> dict[tuple[str, int], np.ndarray]:
    return {(m.clip, m.frame): m.labels for d in _days(farm) for m in masks.read_masks(d / "masks" / "cam-1.parquet")}


def _rows(farm: Path, name: str) -> list[dict]:
    return [row for day in _days(farm) for row in pq.read_table(day / name).to_pylist()]


def _tree(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_visible_pixels_are_those_of_the_mask(covered: Path) -> None:
    labels = _masks(covered)
    animals = [a.animal_id for a in read_farm(covered / "farm.yaml").animals]
    rows = _rows(covered, "visibility.parquet")
    assert len(rows) == len(animals) * planned_frames(PLAN)
    for row in rows:
        seen = (labels[row["clip"], row["frame"]] == animals.index(row["animal_id"]) + 1).sum()
        assert row["visible_px"] == seen <= row["whole_px"]
        assert row["occluded"] == pytest.approx(1 - seen / max(row["whole_px"], 1), abs=1e-6)


def test_a_box_bounds_the_visible_part_exactly(covered: Path) -> None:
    labels = _masks(covered)
    animals = [a.animal_id for a in read_farm(covered / "farm.yaml").animals]
    boxes = _rows(covered, "boxes.parquet")
    assert boxes
    for row in boxes:
        ys, xs = np.nonzero(labels[row["clip"], row["frame"]] == animals.index(row["tracklet_id"]) + 1)
        assert (row["x"], row["y"]) == (xs.min(), ys.min())
        assert (row["x"] + row["width"], row["y"] + row["height"]) == (xs.max() + 1, ys.max() + 1)


def test_who_is_seen_has_a_box_and_who_is_hidden_has_none(covered: Path) -> None:
    boxed = {(r["clip"], r["frame"], r["tracklet_id"]) for r in _rows(covered, "boxes.parquet")}
    for row in _rows(covered, "visibility.parquet"):
        has = (row["clip"], row["frame"], row["animal_id"]) in boxed
        if row["visible_px"] < visible.SEEN_PIXELS:
            assert not has
        elif row["occluded"] < 0.5:  # the pen lies in the picture whole
            assert has


def test_covers_hide_but_change_nothing_of_the_whole(covered: Path, bare: Path) -> None:
    """The same animals with and without roofs, beams and cable: only what is visible differs."""
    with_covers = {(r["clip"], r["frame"], r["animal_id"]): r for r in _rows(covered, "visibility.parquet")}
    without = {(r["clip"], r["frame"], r["animal_id"]): r for r in _rows(bare, "visibility.parquet")}
    assert with_covers.keys() == without.keys()
    assert all(with_covers[k]["whole_px"] == without[k]["whole_px"] for k in without)
    assert all(with_covers[k]["visible_px"] <= without[k]["visible_px"] for k in without)
    assert sum(r["visible_px"] for r in with_covers.values()) < 0.97 * sum(r["visible_px"] for r in without.values())


def test_weather_and_light_change_nothing_of_the_truth(bare: Path, tmp_path: Path) -> None:
    bad = tuple(Shot(at=shot.at, night=4, glare=3, haze=5, motion_blur=5, exposure=2) for shot in STAGE.shots)
    hazy = _simulated(tmp_path / "hazy", BARE.model_copy(update={"shots": bad}))
    clear, dim = _tree(bare), _tree(hazy)
    assert {k for k in clear if k.startswith("truth/")} == {k for k in dim if k.startswith("truth/")}
    assert all(clear[k] == dim[k] for k in clear if k.startswith("truth/"))
    assert all(clear[k] != dim[k] for k in clear if k.endswith(".mp4"))


def test_an_animal_alone_under_an_open_sky_is_seen_whole(tmp_path: Path) -> None:
    alone = _simulated(tmp_path / "alone", BARE, animals_per_pen=1, days=1)
    rows = _rows(alone, "visibility.parquet")
    assert rows
    assert all(row["visible_px"] == row["whole_px"] > 0 and row["touches"] == 0 for row in rows)


def test_animals_grow_between_visits(bare: Path) -> None:
    farm = read_farm(bare / "farm.yaml")
    first, second = farm.plan.simulated_days()
    assert (second - first).days == 30
    for young, old in zip(farm.animals_on("pen-1", first), farm.animals_on("pen-1", second), strict=True):
        assert young == farm.animals[int(young.ear_tag) - 1]
        assert old.weight_kg > young.weight_kg + 20
        assert 1.05 < old.length_m / young.length_m == pytest.approx(old.width_m / young.width_m, rel=0.01)


def test_the_same_plan_gives_the_same_bytes_however_it_was_interrupted(covered: Path, tmp_path: Path) -> None:
    drawn = 0

    def interrupt(frames: int) -> None:
        nonlocal drawn
        drawn += frames
        if drawn > 0.6 * planned_frames(PLAN):
            raise KeyboardInterrupt

    out = tmp_path / "again"
    with pytest.raises(KeyboardInterrupt):
        simulate_farm(PLAN, out, interrupt)
    days = simulate_farm(PLAN, out)
    assert [day.skipped for day in days] == [True, False]
    assert _tree(out) == _tree(covered)


def test_touching_is_mutual_and_ends_where_floor_is_seen_between() -> None:
    labels = np.zeros((40, 40), np.uint8)
    labels[5:20, 5:15], labels[5:20, 15:25], labels[5:20, 27:35] = 1, 2, 3
    assert visible.touches(labels, 3).tolist() == [1, 1, 0]
    labels[25:26, 5:15], labels[26, 12:14] = 1, 3  # a corner is no contact
    assert visible.touches(labels, 3).tolist() == [1, 1, 0]
    assert visible.touches(np.zeros((5, 5), np.uint8), 2).tolist() == [0, 0]


@pytest.mark.parametrize("distortion", [-0.3, -0.25, -0.1, 0.0])
def test_the_floor_that_a_pixel_sees_is_projected_back_onto_it(distortion: float) -> None:
    layout = draw_layout(8, 1, np.random.default_rng(0))
    lens = Lens(
        Mount(height_m=2.6, tilt_deg=30, towards_deg=90, roll_deg=-5, distortion=distortion), layout, (424, 320)
    )
    x, y = np.meshgrid(np.arange(424) + 0.5, np.arange(320) + 0.5)
    pixels = np.stack([x, y], axis=-1)
    floor = lens.floor(pixels)
    inside = ((floor > 0) & (floor < [layout.width_m, layout.depth_m])).all(axis=-1)
    away = np.hypot(*np.moveaxis(lens.project(floor) - pixels, -1, 0))
    assert inside.mean() > 0.3
    assert away[inside].max() < 1
