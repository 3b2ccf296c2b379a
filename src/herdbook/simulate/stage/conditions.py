"""Light, weather, shutter and sensor: from a clean picture to what a camera delivers, by graded severity.

Tables run from severity 0 to 5; their figures are choices, spread so that each step is seen and the last still shows
animals to a person.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from herdbook.simulate.bodies import Floats
from herdbook.simulate.opencv import opencv
from herdbook.simulate.scene import Image
from herdbook.simulate.stage import noise
from herdbook.simulate.stage.plan import Mount, Shot

NIGHT_CONTRAST = (1.0, 0.80, 0.64, 0.50, 0.38, 0.28)
NIGHT_LEVEL = (0.0, 104.0, 92.0, 80.0, 68.0, 56.0)
NIGHT_NOISE = (0.0, 5.0, 7.0, 9.5, 12.5, 16.0)
_INFRARED = (0.55, 0.30, 0.15)
"""Weight of red, green and blue: a silicon sensor under infrared sees dark coats lighter, and no colour."""
GLARE_GAIN = (0.0, 0.5, 0.9, 1.4, 2.1, 3.0)
GLARE_SHARE = (0.0, 0.06, 0.09, 0.12, 0.16, 0.20)
GLARE_VEIL = (0.0, 5.0, 11.0, 19.0, 29.0, 42.0)
HAZE_TRANSMISSION = (1.0, 0.80, 0.66, 0.53, 0.41, 0.30)
_AIRLIGHT = 186.0
SHUTTER_S = (0.0, 0.06, 0.12, 0.20, 0.30, 0.45)
SHAKE_PX = (0.0, 2.4, 3.6, 5.2, 7.2, 9.6)
"""Length of the smear at a picture 480 pixels wide."""
EXPOSURE_STOPS = (0.0, 0.5, 0.9, 1.3, 1.8, 2.4)
_NOISE_MARGIN = 64


class Air:
    """The conditions of one clip. ``rng`` places sun patches, mist and grain; the same draws at every severity."""

    def __init__(self, shot: Shot, mount: Mount, size: tuple[int, int], rng: np.random.Generator) -> None:
        self._cv2 = opencv()
        self._shot, self._mount = shot, mount
        self.width, self.height = size
        shape = (self.height, self.width)
        y, x = np.mgrid[: self.height, : self.width] / np.array([self.height, self.width])[:, None, None]
        spot = rng.uniform(0.35, 0.65, 2)
        self._lamp = (1.25 - 1.5 * ((x - spot[0]) ** 2 + (y - spot[1]) ** 2)).astype(np.float32)[..., None]
        sun = noise.field(rng, shape, (6, 8)) + 0.5 * noise.field(rng, shape, (3, 3))
        self._sun = noise.above(sun, GLARE_SHARE[shot.glare], 0.12).astype(np.float32)[..., None]
        self._mist = np.clip(noise.field(rng, (self.height, 2 * self.width), (3, 6)), -2, 2).astype(np.float32)
        self._over = 1.0 if rng.random() < 0.5 else -1.0
        self._phase = float(rng.uniform(0, 2 * np.pi))
        self._smear = _smear(SHAKE_PX[shot.motion_blur] * self.width / 480, float(rng.uniform(0, np.pi)))
        grain = rng.normal(0, 1, (self.height + _NOISE_MARGIN, self.width + _NOISE_MARGIN))
        sigma = max(mount.noise, NIGHT_NOISE[shot.night]) * (1 + 0.25 * shot.exposure * (self._over < 0))
        self._grain = np.rint(np.clip(grain * sigma, -127, 127)).astype(np.int8)

    @property
    def shutter_s(self) -> float:
        """How long a frame is exposed, seconds."""
        return SHUTTER_S[self._shot.motion_blur]

    def see(self, clean: Image, brightness: float, second: float) -> Image:
        """The clean picture in this light, after so many seconds of the clip; without noise."""
        cv2, shot = self._cv2, self._shot
        seen: NDArray[np.float32] = clean.astype(np.float32)
        if shot.night:
            grey = seen @ np.array(_INFRARED, np.float32)[:, None]
            grey = np.float32(NIGHT_LEVEL[shot.night]) + (grey - 105) * np.float32(NIGHT_CONTRAST[shot.night])
            seen = np.repeat(np.maximum(grey, 4) * self._lamp, 3, axis=2)
        else:
            seen *= np.array(self._mount.white_balance, np.float32) * brightness
        if shot.glare:
            seen = seen * (1 + np.float32(GLARE_GAIN[shot.glare]) * self._sun) + np.float32(GLARE_VEIL[shot.glare])
        if shot.haze:
            clear = HAZE_TRANSMISSION[shot.haze]
            at = int(2 * second) % self.width
            drift = self._mist[:, at : at + self.width, None]
            through = np.clip(clear * (1 + 0.10 * drift), 0.05, 1)
            air = np.float32(1.3 * NIGHT_LEVEL[shot.night] if shot.night else _AIRLIGHT)
            seen = seen * through + air * (1 - through)
        if shot.exposure:
            stops = EXPOSURE_STOPS[shot.exposure] * (1 + 0.12 * np.sin(2 * np.pi * second / 9 + self._phase))
            seen *= np.float32(2 ** (self._over * stops))
        picture = np.clip(seen, 0, 255).astype(np.uint8)
        if self._mount.softness_px > 0:
            picture = cv2.GaussianBlur(picture, (0, 0), self._mount.softness_px)
        if shot.motion_blur:
            picture = cv2.filter2D(picture, -1, self._smear)
        return np.asarray(picture)

    def deliver(self, picture: Image, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Planar YUV 4:2:0 ``[height * 3 / 2, width]`` with the sensor's noise."""
        yuv = self._cv2.cvtColor(picture, self._cv2.COLOR_RGB2YUV_I420)
        dx, dy = rng.integers(0, _NOISE_MARGIN, 2)
        grain = self._grain[dy : dy + self.height, dx : dx + self.width]
        yuv[: self.height] = self._cv2.add(yuv[: self.height], grain, dtype=self._cv2.CV_8U)
        return np.asarray(yuv)


def _smear(length: float, angle: float) -> Floats:
    """A line of so many pixels, smooth at its ends, as a kernel that sums to 1."""
    reach = int(np.ceil(length / 2)) + 1
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(float)
    along, across = x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)
    kernel = np.clip(length / 2 + 0.5 - np.abs(along), 0, 1) * np.clip(1 - np.abs(across), 0, 1)
    return np.asarray(kernel / kernel.sum())
