"""The clips of one camera and day, and the truth of each of their frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from herdbook.contracts import farmtime
from herdbook.contracts.durable import write_durably
from herdbook.simulate import masks
from herdbook.simulate.farm import Farm, SimulatedCamera
from herdbook.simulate.opencv import opencv
from herdbook.simulate.poses import poses_at
from herdbook.simulate.render import Renderer
from herdbook.simulate.scene import light
from herdbook.simulate.schedule import Interval
from herdbook.simulate.stage.renderer import StageRenderer
from herdbook.simulate.stage.visible import Visibility
from herdbook.simulate.streams import stream
from herdbook.simulate.trajectory import PenDay
from herdbook.simulate.video import ClipWriter


@dataclass(frozen=True)
class ClipTruth:
    """What a clip shows. Frame ``i`` of the arrays is the clip's frame ``i + 1``, ``i / fps`` after its start."""

    clip: str
    started: float
    fps: int
    boxes: NDArray[np.float64]
    """``[frames, animals, 4]``: x, y, width, height; NaN where the animal is not in the picture."""
    runs: list[masks.Runs] = field(repr=False)
    seen: list[Visibility] | None = field(default=None, repr=False)
    """How much of each animal each frame shows; none where nothing hides animals but each other."""


def clip_name(camera_id: str, start: datetime) -> str:
    """``<camera>_<YYYYMMDDTHHMMSSZ>.mp4``."""
    return f"{camera_id}_{start.astimezone(UTC):%Y%m%dT%H%M%SZ}.mp4"


def camera_renderer(farm: Farm, camera: SimulatedCamera, day: date) -> Renderer | StageRenderer:
    """The renderer of a camera. It keeps its sprites: without a stage use one for all days, on a stage one for each."""
    pen = next(p for p in farm.pens if p.pen_id == camera.pen_id)
    if farm.plan.stage is not None:
        return StageRenderer(farm.plan, pen, camera.camera_id, farm.animals_on(pen.pen_id, day), day)
    seed = int(stream(farm.plan.seed, farm.plan.farm_id, camera.camera_id, "floor").integers(2**31))
    return Renderer(pen, camera, farm.animals_of(camera.pen_id), (farm.plan.width, farm.plan.height), seed)


def render_clip(
    farm: Farm,
    camera: SimulatedCamera,
    renderer: Renderer | StageRenderer,
    life: PenDay,
    interval: Interval,
    *,
    folder: Path,
    on_frame: Callable[[], None],
) -> ClipTruth:
    """Write one clip into a folder and say what it shows."""
    plan, animals = farm.plan, farm.animals_of(camera.pen_id)
    name, start = clip_name(camera.camera_id, interval.start), interval.start.timestamp()
    times = start + np.arange(interval.seconds * plan.fps) / plan.fps
    rng = stream(plan.seed, plan.farm_id, name, "noise")
    phase = float(stream(plan.seed, plan.farm_id, camera.camera_id, "light").uniform(0, 2 * np.pi))
    brightness = np.array([light(t, _local_hour(t, plan.timezone), phase) for t in times])
    boxes = np.full((len(times), len(animals), 4), np.nan)
    runs, seen = [], []
    with ClipWriter(folder / name, plan.width, plan.height, plan.fps) as clip:
        if isinstance(renderer, StageRenderer):
            for i, frame in enumerate(renderer.film(life, times, plan.shot_at(interval.start), brightness, rng)):
                clip.write(frame.yuv)
                boxes[i] = frame.boxes
                runs.append(masks.encode(frame.labels))
                seen.append(frame.seen)
                on_frame()
        else:
            for i, poses in enumerate(poses_at(life, animals, times)):
                drawn = renderer.draw(poses)
                clip.write(renderer.expose(drawn.rgb, float(brightness[i]), rng))
                boxes[i] = drawn.boxes
                runs.append(masks.encode(drawn.labels))
                on_frame()
    return ClipTruth(name, start, plan.fps, boxes, runs, seen or None)


def write_background(path: Path, renderer: Renderer | StageRenderer) -> None:
    """Save the picture of the empty pen as PNG."""
    cv2 = opencv()
    _, png = cv2.imencode(".png", cv2.cvtColor(renderer.background, cv2.COLOR_RGB2BGR))
    write_durably(path, png.tobytes())


def _local_hour(moment: float, timezone: str) -> float:
    local = datetime.fromtimestamp(moment, farmtime.zone(timezone))
    return local.hour + local.minute / 60 + local.second / 3600
