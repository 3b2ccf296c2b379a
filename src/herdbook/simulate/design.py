"""From a plan to a farm: pens, cameras and animals drawn from the plan's seed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta

import numpy as np

from herdbook.contracts import farmtime
from herdbook.simulate.coats import Coat, draw_coats
from herdbook.simulate.farm import Animal, Farm, Habits, LamenessCourse, Pen, SimulatedCamera
from herdbook.simulate.layout import Layout, draw_layout
from herdbook.simulate.plan import FarmPlan
from herdbook.simulate.stage.hides import draw_hides
from herdbook.simulate.stage.lens import Lens
from herdbook.simulate.stage.species import SPECIES
from herdbook.simulate.streams import stream

MARGIN_M = 0.15
"""Floor seen beyond the pen's walls."""
SEEN_BY_EACH_OF_TWO = 0.62
"""Share of the pen's width that each of two cameras sees; the middle is seen by both."""
LEGS = ("fore left", "fore right", "hind left", "hind right")
DIAGNOSES = ("arthritis", "claw lesion", "leg swelling", "bursitis")


def design_farm(plan: FarmPlan) -> Farm:
    """The farm of a plan. A pen does not depend on how many others there are, nor on the number of days."""
    pens, cameras, animals = [], [], []
    devices = []
    for n in range(1, plan.pens + 1):
        device_id = f"{plan.barn}-{(n - 1) // plan.pens_per_device + 1}"
        if device_id not in devices:
            devices.append(device_id)
        pen_id = f"pen-{n}"
        rng, stage = stream(plan.seed, plan.farm_id, pen_id, "layout"), plan.stage
        if stage is None:
            layout = draw_layout(plan.animals_per_pen, plan.cameras_per_pen, rng)
            cameras += _cameras(plan, n, pen_id, device_id, layout)
        else:
            layout = draw_layout(plan.animals_per_pen, 1, rng, space_m2=stage.space_m2, toy=True)
            homography, _ = Lens(stage.mount, layout, (plan.width, plan.height)).homography(layout)
            cameras.append(
                SimulatedCamera(camera_id=f"cam-{n}", pen_id=pen_id, device_id=device_id, homography=homography)
            )
        pens.append(Pen(pen_id=pen_id, device_id=device_id, layout=layout))
        animals += _animals(plan, n, pen_id)
    return Farm(
        plan=plan, devices=tuple(devices), pens=tuple(pens), cameras=tuple(cameras), animals=_lame(plan, animals)
    )


def _cameras(plan: FarmPlan, n: int, pen_id: str, device_id: str, layout: Layout) -> list[SimulatedCamera]:
    rng = stream(plan.seed, plan.farm_id, pen_id, "cameras")
    if plan.cameras_per_pen == 1:
        views = [(f"cam-{n}", 0.0, 1.0)]
    else:
        views = [(f"cam-{n}a", 0.0, SEEN_BY_EACH_OF_TWO), (f"cam-{n}b", 1 - SEEN_BY_EACH_OF_TWO, 1.0)]
    made = []
    for camera_id, left, right in views:
        x0, x1 = left * layout.width_m, right * layout.width_m
        scale = min(plan.width / (x1 - x0 + 2 * MARGIN_M), plan.height / (layout.depth_m + 2 * MARGIN_M))
        angle = float(np.clip(rng.normal(0, 0.012), -0.025, 0.025))
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        shift = np.array([plan.width, plan.height]) / 2 - turn @ np.array([(x0 + x1) / 2, layout.depth_m / 2])
        homography = np.linalg.inv(np.vstack([np.column_stack([turn, shift]), [0.0, 0.0, 1.0]]))
        made.append(
            SimulatedCamera(
                camera_id=camera_id,
                pen_id=pen_id,
                device_id=device_id,
                homography=tuple(round(float(v), 9) for v in homography.ravel()),
            )
        )
    return made


def _animals(plan: FarmPlan, n: int, pen_id: str) -> list[Animal]:
    rng = stream(plan.seed, plan.farm_id, pen_id, "animals")
    animals = []
    stage = plan.stage
    coats: Sequence[Coat]
    if stage is None:
        coats, lengths, widths, density, ages = (
            draw_coats(plan.animals_per_pen, rng),
            (0.95, 1.20),
            (0.31, 0.36),
            600.0,
            (110, 125),
        )
    else:
        kind = SPECIES[stage.species]
        coats = draw_hides(kind, plan.animals_per_pen, stage.families, stage.marked, rng)
        lengths, widths, density, ages = kind.length_m, kind.width_share, kind.density, kind.age_days
    for i, coat in enumerate(coats):
        number = (n - 1) * plan.animals_per_pen + i + 1
        length = float(rng.uniform(*lengths))
        width = length * float(rng.uniform(*widths))
        habits = np.clip(rng.normal(1.0, [0.15, 0.06, 0.10]), 0.6, 1.4)
        animals.append(
            Animal(
                animal_id=f"{plan.farm_id}-{number:04d}",
                ear_tag=f"{number:04d}",
                transponder=f"826{plan.seed % 10**6:06d}{number:06d}",
                pen_id=pen_id,
                sex="female" if rng.random() < 0.5 else "castrated",
                born_on=plan.start_day - timedelta(days=int(rng.integers(*ages))),
                length_m=round(length, 3),
                width_m=round(width, 3),
                weight_kg=round(density * length * width**2 * float(rng.normal(1.0, 0.03)), 1),
                coat=coat,
                habits=Habits(**dict(zip(Habits.model_fields, (round(float(h), 3) for h in habits), strict=True))),
            )
        )
    return animals


def _lame(plan: FarmPlan, animals: list[Animal]) -> tuple[Animal, ...]:
    """Deal lameness to the pens in turn. The farm notices in the last third of the days, at its evening round."""
    rng = stream(plan.seed, plan.farm_id, "lameness")
    waiting = {f"pen-{n}": [a for a in animals if a.pen_id == f"pen-{n}"] for n in range(1, plan.pens + 1)}
    courses: dict[str, LamenessCourse] = {}
    while len(courses) < plan.lameness.animals:
        for pen in waiting.values():
            if pen and len(courses) < plan.lameness.animals:
                courses[pen.pop(int(rng.integers(len(pen)))).animal_id] = _course(plan, rng)
    return tuple(a.model_copy(update={"lameness": courses.get(a.animal_id)}) for a in animals)


def _course(plan: FarmPlan, rng: np.random.Generator) -> LamenessCourse:
    day = plan.start_day + timedelta(days=int(rng.integers(2 * plan.days // 3, plan.days)))
    evening = datetime.combine(day, time(16), farmtime.zone(plan.timezone))
    noticed = (evening + timedelta(minutes=int(rng.integers(120)))).astimezone(UTC)
    delay = timedelta(days=float(rng.uniform(*plan.lameness.delay_days)))
    return LamenessCourse(
        onset_at=(noticed - delay).replace(microsecond=0),
        noticed_at=noticed,
        leg=LEGS[int(rng.integers(len(LEGS)))],
        score=int(rng.integers(3, 5)),
        diagnosis=DIAGNOSES[int(rng.integers(len(DIAGNOSES)))],
    )
