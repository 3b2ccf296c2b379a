"""Frames of one camera: the empty pen, the animals upon it, and the exact truth of every pixel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from herdbook.contracts.ethogram import Posture
from herdbook.simulate.bodies import Floats
from herdbook.simulate.farm import Animal, Pen, SimulatedCamera
from herdbook.simulate.opencv import opencv
from herdbook.simulate.scene import Image, empty_pen
from herdbook.simulate.sprites import SUPERSAMPLING, Look, draw_sprite

SEEN_SHARE = 0.25
"""An animal has a box when at least this share of its silhouette lies in the picture."""
NOISE_LEVELS = 1.5
"""Standard deviation of the luma noise, grey levels."""
# Poses are drawn in steps too small to see, so that an animal at rest need not be drawn anew.
SUBPIXELS = 4
TURNS = 720
BREATHS = 250
PATCHES_KEPT = 512
_NOISE_MARGIN = 64
_SHADOW = 0.74
_SHADOW_M = (0.045, 0.06)


@dataclass(frozen=True)
class Pose:
    """Where and how one animal is drawn: pen metres and radians, its look, and breath as a factor on its width."""

    x: float
    y: float
    heading: float
    look: Look
    breath: float = 1.0


@dataclass(frozen=True)
class Drawn:
    """A frame and its truth.

    ``rgb`` is without noise. ``labels [height, width]`` is 0 or the animal's number from 1, of what is seen of it.
    ``boxes [n, 4]``: x, y, width, height of the silhouette, hidden parts included, cut at the picture's edge; NaN where
    too little of the animal is in the picture.
    """

    rgb: Image
    labels: NDArray[np.uint8]
    boxes: Floats


@dataclass(frozen=True)
class _Patch:
    rgb: Image
    mask: NDArray[np.uint8]
    area: int
    box: tuple[int, int, int, int]


class Renderer:
    """Draws one camera. ``seed`` places the stains on the floor and the noise."""

    def __init__(
        self, pen: Pen, camera: SimulatedCamera, animals: tuple[Animal, ...], size: tuple[int, int], seed: int
    ) -> None:
        self._cv2 = opencv()
        self._animals = animals
        self._to_pixels, self._rotation = camera.to_pixels[:2], camera.rotation
        self._pixels_per_metre = camera.pixels_per_metre
        self._shadow = tuple(round(d * camera.pixels_per_metre) for d in _SHADOW_M)
        self.width, self.height = width, height = size
        # whoever is drawn has its centre within half a margin of the picture, and so fits the padded picture whole
        longest = max((a.length_m for a in animals), default=1.0)
        self._pad = int(1.4 * longest * camera.pixels_per_metre) + 16
        self._empty = empty_pen(pen.layout, camera, size, pad=self._pad, seed=seed)
        grain = np.random.default_rng(seed).normal(0, NOISE_LEVELS, (height + _NOISE_MARGIN, width + _NOISE_MARGIN))
        self._noise = np.clip(np.rint(grain), -127, 127).astype(np.int8)
        self._sprites: dict[tuple[int, Look], NDArray[np.uint8]] = {}
        self._patch = lru_cache(maxsize=PATCHES_KEPT)(self._draw_patch)

    @property
    def background(self) -> Image:
        """The empty pen in full light, without noise."""
        return self._crop(self._empty).copy()

    def draw(self, poses: list[Pose]) -> Drawn:
        """Draw the animals, in the order of `animals`; who lies is drawn below who stands."""
        rgb = self._empty.copy()
        labels = np.zeros(rgb.shape[:2], np.uint8)
        boxes = np.full((len(poses), 4), np.nan)
        order = sorted(range(len(poses)), key=lambda i: (poses[i].look.posture is not Posture.LYING, i))
        for i in order:
            boxes[i] = self._draw_one(i, poses[i], rgb, labels)
        return Drawn(np.ascontiguousarray(self._crop(rgb)), np.ascontiguousarray(self._crop(labels)), boxes)

    def expose(self, rgb: Image, brightness: float, rng: np.random.Generator) -> NDArray[np.uint8]:
        """What the camera delivers: planar YUV 4:2:0 ``[height * 3 / 2, width]`` in this light, with sensor noise."""
        cv2 = self._cv2
        yuv = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420)
        levels = np.arange(256.0)
        dimmed = [np.clip(np.rint(dark + (levels - dark) * brightness), 0, 255).astype(np.uint8) for dark in (16, 128)]
        dx, dy = rng.integers(0, _NOISE_MARGIN, 2)
        grain = self._noise[dy : dy + self.height, dx : dx + self.width]
        yuv[: self.height] = cv2.add(cv2.LUT(yuv[: self.height], dimmed[0]), grain, dtype=cv2.CV_8U)
        yuv[self.height :] = cv2.LUT(yuv[self.height :], dimmed[1])
        return np.asarray(yuv)

    def _crop(self, padded: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return padded[self._pad : self._pad + self.height, self._pad : self._pad + self.width]

    def _draw_patch(self, i: int, look: Look, turn: int, sub: tuple[int, int], breath: int) -> _Patch:
        """An animal alone; its centre lies ``sub / SUBPIXELS`` of a pixel beyond the patch's middle pixel."""
        cv2, texture = self._cv2, self._sprite(i, look)
        h, w = texture.shape[:2]
        angle = 2 * np.pi * turn / TURNS
        c, s = np.cos(angle) / SUPERSAMPLING, np.sin(angle) / SUPERSAMPLING
        half_x = int(np.ceil((abs(c) * w + abs(s) * h) / 2)) + 2
        half_y = int(np.ceil((abs(s) * w + abs(c) * h) / 2)) + 2
        wide = 1 + breath / BREATHS
        linear = np.array([[c, -s * wide], [s, c * wide]])
        shift = np.array([half_x + sub[0] / SUBPIXELS, half_y + sub[1] / SUBPIXELS]) - linear @ np.array(
            [w // 2, h // 2]
        )
        size = (2 * half_x + 1, 2 * half_y + 1)
        drawn = cv2.warpAffine(texture, np.column_stack([linear, shift]), size, flags=cv2.INTER_LINEAR)
        mask = (drawn[..., 3] > 127).astype(np.uint8)
        return _Patch(cv2.cvtColor(drawn, cv2.COLOR_RGBA2RGB), mask, int(mask.sum()), cv2.boundingRect(mask))

    def _draw_one(self, i: int, pose: Pose, rgb: Image, labels: NDArray[np.uint8]) -> Floats:
        x, y = self._to_pixels @ (pose.x, pose.y, 1.0) + self._pad
        if not (self._pad / 2 < x < rgb.shape[1] - self._pad / 2 and self._pad / 2 < y < rgb.shape[0] - self._pad / 2):
            return np.full(4, np.nan)
        steps_x, steps_y = round(x * SUBPIXELS), round(y * SUBPIXELS)
        turn = round((pose.heading + self._rotation) / (2 * np.pi) * TURNS) % TURNS
        breath = round((pose.breath - 1) * BREATHS)
        patch = self._patch(i, pose.look, turn, (steps_x % SUBPIXELS, steps_y % SUBPIXELS), breath)
        h, w = patch.mask.shape
        left, top = steps_x // SUBPIXELS - w // 2, steps_y // SUBPIXELS - h // 2
        ground = rgb[top + self._shadow[1] :, left + self._shadow[0] :][:h, :w]
        self._cv2.copyTo(self._cv2.convertScaleAbs(ground, alpha=_SHADOW), patch.mask, ground)
        self._cv2.copyTo(patch.rgb, patch.mask, rgb[top : top + h, left : left + w])
        np.copyto(labels[top : top + h, left : left + w], i + 1, where=patch.mask > 0)
        return self._seen_box(patch, left - self._pad, top - self._pad)

    def _seen_box(self, patch: _Patch, left: int, top: int) -> Floats:
        """The box of a patch whose corner lies there in the picture; NaN where too little of it is seen."""
        bx, by, bw, bh = patch.box
        x0, y0 = max(left + bx, 0), max(top + by, 0)
        x1, y1 = min(left + bx + bw, self.width), min(top + by + bh, self.height)
        if (x1 - x0, y1 - y0) != (bw, bh):
            seen = patch.mask[max(-top, 0) : max(self.height - top, 0), max(-left, 0) : max(self.width - left, 0)]
            if seen.sum() < SEEN_SHARE * patch.area:
                return np.full(4, np.nan)
        return np.array([x0, y0, x1 - x0, y1 - y0], dtype=float)

    def _sprite(self, i: int, look: Look) -> NDArray[np.uint8]:
        if (i, look) not in self._sprites:
            self._sprites[i, look] = draw_sprite(self._animals[i], look, self._pixels_per_metre)
        return self._sprites[i, look]
