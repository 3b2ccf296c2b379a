"""One hard camera on one day: lives in, frames and their exact truth out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from herdbook.simulate.bodies import Floats
from herdbook.simulate.farm import Animal, Pen
from herdbook.simulate.opencv import opencv
from herdbook.simulate.plan import FarmPlan
from herdbook.simulate.scene import Image
from herdbook.simulate.stage import covers, visible
from herdbook.simulate.stage.conditions import Air
from herdbook.simulate.stage.floors import empty_floor, ground
from herdbook.simulate.stage.gestures import gestures_at
from herdbook.simulate.stage.growth import dirt
from herdbook.simulate.stage.lens import Lens
from herdbook.simulate.stage.painter import Painter
from herdbook.simulate.stage.plan import Shot
from herdbook.simulate.stage.species import SPECIES
from herdbook.simulate.stage.visible import Visibility
from herdbook.simulate.streams import stream
from herdbook.simulate.trajectory import PenDay

BORDER_M = 0.5
MOST_TEXELS = 150.0
"""Per metre of the flat floor."""
_MOMENTS = (1, 3, 3, 3, 5, 5)
"""Moments that a frame's shutter gathers, by severity of motion blur; the truth is that of the middle one."""


@dataclass(frozen=True)
class Frame:
    """What a camera delivers at an instant, and what it shows."""

    yuv: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    boxes: Floats
    seen: Visibility


class StageRenderer:
    """Draws one pen on one day through its camera; ``animals`` as they are on that day."""

    def __init__(self, plan: FarmPlan, pen: Pen, camera_id: str, animals: tuple[Animal, ...], day: date) -> None:
        assert plan.stage is not None, "a plan with a stage"
        self._cv2, self._stage, self._animals = opencv(), plan.stage, animals
        self._species = SPECIES[plan.stage.species]
        self.size = (plan.width, plan.height)
        lens = Lens(plan.stage.mount, pen.layout, self.size)
        raster = ground(pen.layout, min(MOST_TEXELS, 1.1 * lens.pixels_per_metre()), BORDER_M)
        fixed = stream(plan.seed, plan.farm_id, camera_id, "covers")
        self._roof, self._roof_mask = covers.overhead(plan.stage, pen.layout, raster, fixed)
        self._hangs = covers.before_the_lens(plan.stage.fixture, self.size, fixed)
        today = stream(plan.seed, plan.farm_id, pen.pen_id, day, "scene")
        self._floor = empty_floor(pen.layout, plan.stage.floor, raster, wet=float(today.uniform(0.05, 0.2)), rng=today)
        dirty = np.array([dirt(plan.stage, plan.start_day, day, today) for _ in animals])
        self._painter = Painter(self._species, animals, dirty, raster)
        x, y = np.meshgrid(np.arange(plan.width) + 0.5, np.arange(plan.height) + 0.5)
        texels = raster.texels(lens.floor(np.stack([x, y], axis=-1)))
        self._maps = np.ascontiguousarray((texels - 0.5).astype(np.float32))
        self._sources, self._inside = _sources(texels, raster.shape)
        known = self._sources[self._sources >= 0]
        self._looks = np.bincount(known, minlength=self._inside.size)
        """How many pixels look at each texel."""

    @property
    def background(self) -> Image:
        """The empty pen by clear day, without noise."""
        picture, _ = self._through(self._floor.copy(), np.zeros(self._floor.shape[:2], np.uint8))
        return picture

    def film(
        self, life: PenDay, times: Floats, shot: Shot, brightness: Floats, rng: np.random.Generator
    ) -> Iterator[Frame]:
        """Frames at ``times [n]`` of one clip, in light of ``brightness [n]``; ``rng`` draws the air and the noise."""
        air = Air(shot, self._stage.mount, self.size, rng)
        moments = _MOMENTS[shot.motion_blur]
        offsets = (np.arange(moments) - moments // 2) / moments * air.shutter_s
        all_times = np.clip((times[:, None] + offsets).ravel(), life.start, life.end)
        gestures = gestures_at(life, self._animals, self._species, all_times)
        for i in range(len(times)):
            drawn = [self._painter.paint(g, self._floor) for g in gestures[i * moments : (i + 1) * moments]]
            _, labels, whole = drawn[moments // 2]
            picture = drawn[0][0] if moments == 1 else np.mean([d[0] for d in drawn], axis=0).astype(np.uint8)
            picture, labels = self._through(picture, labels)
            delivered = air.deliver(air.see(picture, float(brightness[i]), float(times[i] - times[0])), rng)
            yield self._frame(delivered, labels, whole)

    def _through(self, picture: Image, labels: NDArray[np.uint8]) -> tuple[Image, NDArray[np.uint8]]:
        """A flat picture and its labels under roofs and beams, through the lens, behind what hangs before it."""
        cv2 = self._cv2
        cv2.copyTo(self._roof, self._roof_mask, picture)
        labels[self._roof_mask > 0] = 0
        seen = cv2.remap(picture, self._maps, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        marked = np.append(labels.reshape(-1), np.uint8(0))[self._sources]
        if self._hangs is not None:
            light, rest, opaque = self._hangs
            cv2.multiply(seen, rest, seen, scale=1 / 255)
            cv2.add(seen, light, seen)
            marked[opaque] = 0
        return seen, marked

    def _frame(self, yuv: NDArray[np.uint8], labels: NDArray[np.uint8], whole: list[NDArray[np.int64]]) -> Frame:
        n = len(whole)
        counted = np.bincount(labels.ravel(), minlength=n + 1)[1 : n + 1]
        # a texel counts as often as pixels look at it: exactly what the picture would show of it
        full = np.array([self._looks[texels].sum() for texels in whole])
        inside = np.array([self._inside[texels].mean() if len(texels) else 0.0 for texels in whole])
        seen = Visibility(counted.astype(np.int32), full.astype(np.int32), visible.touches(labels, n))
        return Frame(yuv, labels, visible.boxes(labels, seen, inside), seen)


def _sources(texels: Floats, shape: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """For each pixel the texel it looks at (flat index, -1 beyond the raster), and which texels are in the picture."""
    column, row = np.floor(texels).astype(np.int64).transpose(2, 0, 1)
    known = (column >= 0) & (row >= 0) & (column < shape[1]) & (row < shape[0])
    sources = np.where(known, row * shape[1] + column, -1)
    looked = np.zeros(shape[0] * shape[1], np.uint8)
    looked[sources[known]] = 1
    near = opencv().dilate(looked.reshape(shape), np.ones((3, 3), np.uint8))  # coarse pixels skip texels
    return sources, near.reshape(-1) > 0
