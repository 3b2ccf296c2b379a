"""The first engine: what differs from the floor is an animal. No training; the baseline that others must beat."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from herdbook.contracts.camera import Camera, Zone, ZoneKind
from herdbook.contracts.device_day import ReleaseUse
from herdbook.edge.perception import appearance, background, blobs, kinematics
from herdbook.edge.perception.associate import Association
from herdbook.edge.perception.base import Box, Image, Instance, Judgement, Seen, Shape, Track, Vector, is_blank
from herdbook.edge.perception.blobs import Blob, Prior
from herdbook.edge.perception.floors import Floors
from herdbook.edge.perception.parameters import MotionParameters
from herdbook.edge.perception.subtract import Subtraction
from herdbook.errors import MissingDependencyError

_LEARN_EVERY_S = 5.0


@dataclass
class _Memory:
    """A track as it was last seen, in working pixels."""

    prior: Prior
    velocity: NDArray[np.float64]
    seconds: float


class MotionEngine:
    """See `herdbook.edge.perception.base.Perception`."""

    def __init__(self, release: ReleaseUse, parameters: MotionParameters) -> None:
        self.release = release
        self.lost_s, self.min_bout_s = parameters.lost_s, parameters.min_bout_s
        self._parameters = parameters

    def open(self, camera: Camera, background_picture: Image | None, samples: Callable[[], Iterable[Image]]) -> None:
        """Begin: the floor is the picture given, or estimated from the samples."""
        try:
            import cv2
        except ImportError as error:
            raise MissingDependencyError("the motion engine needs the extra 'edge' (OpenCV)") from error
        self._camera = camera
        self._scale = min(1.0, (self._parameters.work_pixels / (camera.width * camera.height)) ** 0.5)
        self._size = (max(1, round(camera.width * self._scale)), max(1, round(camera.height * self._scale)))
        if background_picture is not None:
            floor = self._shrink(background_picture)
        else:
            floor = background.estimate(self._shrink(image) for image in samples())
        self._floors = Floors(floor, self._parameters)
        self._association = Association(camera.fps, self._parameters.lost_s, self._parameters.confirm_frames)
        self._memory: dict[int, _Memory] = {}
        self._areas: deque[float] = deque(maxlen=200)
        self._first: datetime | None = None
        self._last_s = 0.0
        self._learnt_s = -_LEARN_EVERY_S
        self._excluded: tuple[tuple[Zone, ...], NDArray[np.uint8] | None] = ((), None)
        self._closing = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))

    def see(self, at: datetime, image: Image) -> Seen:
        """Find, split and follow the animals of one frame."""
        seconds = self._clock(at)
        small = self._shrink(image)
        if is_blank(small):
            return Seen(trouble="the picture is blank")
        contrast, foreground = self._look(self._floors.current, small, at)
        if foreground.mean() > self._parameters.max_area:
            if not self._floors.look_for_another(small, seconds, lambda floor: self._fits(floor, small, at)):
                return Seen(trouble="most of the picture changed at once")
            contrast, foreground = self._look(self._floors.current, small, at)
        else:
            self._floors.fits()
        found = self._animals(foreground, seconds)
        if seconds - self._learnt_s >= _LEARN_EVERY_S:
            self._floors.current.learn(small, foreground, min(seconds - self._learnt_s, 2 * _LEARN_EVERY_S))
            self._learnt_s = seconds
        self._small, self._found = small, found
        confidence = [self._confidence(blob, contrast) for blob in found]
        tracks = self._association.update([self._box(blob) for blob in found], confidence, seconds)
        instances = []
        for key, (blob, track, sure) in enumerate(zip(found, tracks, confidence, strict=True)):
            if track:
                instances.append(self._instance(blob, track, sure, key, seconds))
        self._memory = {t: m for t, m in self._memory.items() if seconds - m.seconds <= self._parameters.lost_s}
        return Seen(tuple(instances))

    def embed(self, instance: Instance) -> Vector:
        """Coat and size of an instance of the frame seen last."""
        blob = self._found[instance.key]
        height, width = blob.mask.shape
        crop = self._small[blob.y : blob.y + height, blob.x : blob.x + width]
        lit = np.clip(crop / self._floors.current.gain, 0, 255).astype(np.uint8)
        shape = _shape(blob)
        area = float(self._size[0] * self._size[1])
        return appearance.describe(lit, blob.mask, shape, (blob.x, blob.y), area)

    def judge(self, track: Track) -> Judgement:
        """Behaviour from speed, stillness and place."""
        return kinematics.judge(track, self._camera, self._parameters)

    def close(self) -> None:
        """Forget the camera."""
        self._memory = {}

    # -- steps of a frame ---------------------------------------------------------------------------------------------

    def _clock(self, at: datetime) -> float:
        self._first = self._first or at
        seconds = (at - self._first).total_seconds()
        if seconds - self._last_s > self._parameters.lost_s:
            self._association.forget()
            self._memory = {}
        self._last_s = seconds
        return seconds

    def _shrink(self, image: Image) -> Image:
        import cv2

        if (image.shape[1], image.shape[0]) == self._size:
            return image
        return np.asarray(cv2.resize(image, self._size, interpolation=cv2.INTER_AREA), np.uint8)

    def _look(self, floor: Subtraction, small: Image, at: datetime) -> tuple[Image, NDArray[np.uint8]]:
        """Contrast to a floor, and 1 where it is an animal's."""
        import cv2

        contrast = floor.contrast(small)
        _, binary = cv2.threshold(contrast, floor.threshold, 1, cv2.THRESH_BINARY)
        binary = cv2.morphologyEx(cv2.medianBlur(binary, 3), cv2.MORPH_CLOSE, self._closing)
        excluded = self._exclusion(at)
        return contrast, np.asarray(binary if excluded is None else cv2.bitwise_and(binary, excluded), np.uint8)

    def _fits(self, floor: Subtraction, small: Image, at: datetime) -> bool:
        return bool(self._look(floor, small, at)[1].mean() < self._parameters.max_area / 2)

    def _exclusion(self, at: datetime) -> NDArray[np.uint8] | None:
        import cv2

        zones = tuple(z for z in self._camera.zones_at(at) if z.kind is ZoneKind.EXCLUDED)
        if zones != self._excluded[0]:
            keep = np.ones((self._size[1], self._size[0]), np.uint8)
            for zone in zones:
                cv2.fillPoly(keep, [np.rint(np.array(zone.polygon) * self._scale).astype(np.int32)], 0)
            self._excluded = (zones, keep if zones else None)
        return self._excluded[1]

    def _animals(self, foreground: NDArray[np.uint8], seconds: float) -> list[Blob]:
        smallest = self._parameters.min_area * foreground.size
        whole = blobs.find(foreground, smallest)
        if not self._areas:
            self._areas.extend(float(b.area) for b in whole)
        self._typical = float(np.median(self._areas)) if self._areas else 0.0
        priors = [
            Prior(m.prior.mean + m.velocity * min(seconds - m.seconds, 0.5), m.prior.covariance, m.prior.area)
            for m in self._memory.values()
        ]
        return [part for blob in whole for part in blobs.split(blob, priors, self._typical) if part.area >= smallest]

    def _confidence(self, blob: Blob, contrast: Image) -> float:
        """Clearer contrast and a usual size make a detection surer; a split one is less sure."""
        height, width = blob.mask.shape
        mean = float(contrast[blob.y : blob.y + height, blob.x : blob.x + width][blob.mask].mean())
        clear = mean / (mean + self._floors.current.threshold)
        usual = min(1.0, 2 * blob.area / self._typical)
        return clear * usual * (0.85 if blob.split else 1.0)

    def _box(self, blob: Blob) -> Box:
        height, width = blob.mask.shape
        k = 1 / self._scale
        return Box(blob.x * k, blob.y * k, width * k, height * k)

    def _instance(self, blob: Blob, track: int, confidence: float, key: int, seconds: float) -> Instance:
        mean, covariance = blob.gaussian
        area = float(blob.area)
        before = self._memory.get(track)
        velocity = np.zeros(2)
        if before is not None:
            elapsed = max(seconds - before.seconds, 1e-3)
            velocity = 0.5 * before.velocity + 0.5 * (mean - before.prior.mean) / elapsed
            keep = 0.95 if blob.split else 0.5  # while animals touch, trust how they looked apart
            covariance = keep * before.prior.covariance + (1 - keep) * covariance
            area = keep * before.prior.area + (1 - keep) * area
        self._memory[track] = _Memory(Prior(mean, covariance, area), velocity, seconds)
        if not blob.split and before is not None:
            self._areas.append(float(blob.area))
        k = 1 / self._scale
        shape = _shape(blob)
        grown = Shape(shape.x * k, shape.y * k, shape.length * k, shape.width * k, shape.angle, shape.area * k * k)
        at_edge = blob.x == 0 or blob.y == 0 or blob.x + blob.mask.shape[1] >= self._size[0]
        at_edge = at_edge or blob.y + blob.mask.shape[0] >= self._size[1]
        quality = confidence * (0.3 if blob.split else 1.0) * (0.3 if at_edge else 1.0)
        return Instance(track, self._box(blob), grown, confidence, quality, blob.mask, key)


def _shape(blob: Blob) -> Shape:
    """Centroid and main axis of a blob as those of an ellipse with the same second moments."""
    mean, ((xx, xy), (_, yy)) = blob.gaussian
    spread = math.hypot((xx - yy) / 2, xy)
    length, width = 4 * math.sqrt((xx + yy) / 2 + spread), 4 * math.sqrt(max((xx + yy) / 2 - spread, 0.0))
    angle = 0.5 * math.atan2(2 * xy, xx - yy)
    return Shape(float(mean[0]), float(mean[1]), length, width, angle, float(blob.area))
