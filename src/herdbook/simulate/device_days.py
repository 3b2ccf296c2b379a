"""One device through all its days: its pens live, its cameras film, and each day's truth appears whole."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, partial
from pathlib import Path

from herdbook.contracts import farmtime
from herdbook.contracts.durable import fsync_path
from herdbook.simulate import truth
from herdbook.simulate.device_file import BACKGROUND, footage_folder
from herdbook.simulate.ethology import Temperament
from herdbook.simulate.farm import Animal, Farm, Pen
from herdbook.simulate.footage import camera_renderer, render_clip, write_background
from herdbook.simulate.life import PenLife, Resident
from herdbook.simulate.plan import FarmPlan
from herdbook.simulate.render import Renderer
from herdbook.simulate.schedule import Interval, camera_day, draw_outages, recorded
from herdbook.simulate.stage.renderer import StageRenderer
from herdbook.simulate.stage.species import SPECIES
from herdbook.simulate.streams import stream
from herdbook.simulate.trajectory import PenDay

Progress = Callable[[int], None]
"""Called with a number of frames that were drawn, or that were there already."""


@dataclass(frozen=True)
class SimulatedDay:
    """What there is of one device and day."""

    device_id: str
    day: date
    clips: int
    frames: int
    outages: int
    skipped: bool
    """True where an earlier run had finished it."""


def camera_schedule(farm: Farm, camera_id: str, day: date) -> list[Interval]:
    """What a camera does on a day, outages included."""
    rng = stream(farm.plan.seed, farm.plan.farm_id, camera_id, day, "outages")
    return camera_day(farm.plan, day, draw_outages(farm.plan, day, rng))


def pen_life(farm: Farm, pen: Pen, day: date | None = None) -> PenLife:
    """The animals of a pen at the start of the first day, or on a stage of a day."""
    plan = farm.plan
    day = day or plan.start_day
    residents = [
        Resident(a.animal_id, a.body, Temperament(**a.habits.model_dump()), partial(_severity, a, farm))
        for a in farm.animals_on(pen.pen_id, day)
    ]
    start = farmtime.day_extent(day, plan.timezone).start.timestamp()
    arrival = ("arrival",) if plan.stage is None else (day, "arrival")
    return PenLife(
        pen.layout,
        residents,
        plan.lameness,
        tz=farmtime.zone(plan.timezone),
        start=start,
        rng=stream(plan.seed, plan.farm_id, pen.pen_id, *arrival),
        manners=None if plan.stage is None else SPECIES[plan.stage.species].manners,
    )


@lru_cache(maxsize=2)
def _visit(plan: FarmPlan, pen: Pen, animals: tuple[Animal, ...], day: date) -> PenDay:
    """A day of a stage, which stands by itself; kept for plans that film the same day again."""
    farm = Farm(plan=plan, devices=(pen.device_id,), pens=(pen,), cameras=(), animals=animals)
    return live_day(farm, pen, pen_life(farm, pen, day), day)


def visit(farm: Farm, pen: Pen, day: date) -> PenDay:
    """What happens in a pen of a stage on a day, whatever is filmed of it."""
    assert farm.plan.stage is not None, "a plan with a stage"
    unfilmed = farm.plan.stage.model_copy(update={"shots": ()})
    plan = farm.plan.model_copy(update={"stage": unfilmed, "days": 1, "clip_seconds": 2})
    return _visit(plan, pen, farm.animals_of(pen.pen_id), day)


def live_day(farm: Farm, pen: Pen, life: PenLife, day: date) -> PenDay:
    """The next day of a pen, drawn from its own stream."""
    extent = farmtime.day_extent(day, farm.plan.timezone)
    rng = stream(farm.plan.seed, farm.plan.farm_id, pen.pen_id, day, "life")
    return life.live_day(extent.start.timestamp(), extent.end.timestamp(), rng)


def simulate_device(farm: Farm, device_id: str, out: Path, report: Progress) -> Iterator[SimulatedDay]:
    """Film and write down the days of a device that are not finished yet."""
    days = farm.plan.simulated_days()
    finished = {day for day in days if _truth_folder(out, device_id, day).is_dir()}
    device = _Device(farm, device_id, out)
    if len(finished) < len(days) and farm.plan.stage is None:
        device.set_up()
    for day in days:
        schedules = {c: camera_schedule(farm, c, day) for c in device.cameras}
        clips = [i for s in schedules.values() for i in recorded(s)]
        frames = farm.plan.fps * sum(i.seconds for i in clips)
        if farm.plan.stage is not None:
            if day not in finished:
                device.visit(day)
        elif len(finished) < len(days):  # a finished day is lived again: the next one follows from it
            device.live(day)
        if day in finished:
            report(frames)
        else:
            device.film(day, schedules, report)
        outages = sum(i.is_outage for s in schedules.values() for i in s)
        yield SimulatedDay(device_id, day, len(clips), frames, outages, day in finished)


class _Device:
    def __init__(self, farm: Farm, device_id: str, out: Path) -> None:
        self._farm, self._device_id, self._out = farm, device_id, out
        self._pens = farm.pens_of(device_id)
        self.cameras = {c.camera_id: c for pen in self._pens for c in farm.cameras_of(pen.pen_id)}
        self._lives: dict[str, PenLife] = {}
        self._lived: dict[str, PenDay] = {}
        self._renderers: dict[str, Renderer | StageRenderer] = {}

    def _footage(self, camera_id: str) -> Path:
        return self._out / "devices" / self._device_id / footage_folder(camera_id)

    def set_up(self) -> None:
        self._lives = {pen.pen_id: pen_life(self._farm, pen) for pen in self._pens}
        self._hang(self._farm.plan.start_day)

    def _hang(self, day: date) -> None:
        """The cameras of a day. The picture of the empty pen is that of the first."""
        for camera_id, camera in self.cameras.items():
            self._renderers[camera_id] = camera_renderer(self._farm, camera, day)
            self._footage(camera_id).mkdir(parents=True, exist_ok=True)
            if day == self._farm.plan.start_day:
                write_background(self._footage(camera_id) / BACKGROUND, self._renderers[camera_id])

    def visit(self, day: date) -> None:
        self._hang(day)
        self._lived = {pen.pen_id: visit(self._farm, pen, day) for pen in self._pens}

    def live(self, day: date) -> None:
        self._lived = {pen.pen_id: live_day(self._farm, pen, self._lives[pen.pen_id], day) for pen in self._pens}

    def film(self, day: date, schedules: dict[str, list[Interval]], report: Progress) -> None:
        farm, plan = self._farm, self._farm.plan
        target = _truth_folder(self._out, self._device_id, day)
        part = target.with_name(f".{target.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        filmed = truth.FilmTruth(part, hidden=plan.stage is not None)
        for camera_id, camera in self.cameras.items():
            animals, life = farm.animals_of(camera.pen_id), self._lived[camera.pen_id]
            renderer, folder = self._renderers[camera_id], self._footage(camera_id)
            with filmed.camera(camera_id, animals, (plan.width, plan.height)) as add:
                for interval in recorded(schedules[camera_id]):
                    add(render_clip(farm, camera, renderer, life, interval, folder=folder, on_frame=lambda: report(1)))
        filmed.close()
        truth.write_parquet(part / "behaviours.parquet", truth.behaviours_table(self._lived.values()))
        truth.write_parquet(part / "paths.parquet", truth.paths_table(self._lived.values()))
        truth.write_coverage(part / "coverage.csv", schedules)
        for path in [*part.rglob("*"), part]:
            fsync_path(path)
        part.rename(target)
        fsync_path(target.parent)


def _truth_folder(out: Path, device_id: str, day: date) -> Path:
    return out / "truth" / device_id / day.isoformat()


def _severity(animal: Animal, farm: Farm, moment: float) -> float:
    return animal.severity(moment, farm.plan.lameness.ramp_days)
