"""Background subtraction against a picture of the floor that follows the light but never absorbs an animal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from herdbook.edge.perception.base import Image
from herdbook.edge.perception.furniture import Furniture
from herdbook.edge.perception.parameters import MotionParameters

_MARGIN = np.ones((9, 9), np.uint8)
"""Beyond an animal's outline its shadow and blur do not count as floor."""
_LIGHT_EVERY = 5  # frames
_STRIDE = 7  # light and noise are measured on every seventh pixel of every seventh row


class Subtraction:
    """Contrast of a frame against the floor.

    Adaptive background subtraction in OpenCV (MOG2, KNN) learns whatever holds still, so a lying animal fades within
    minutes. Here the floor is updated only where no animal is; a global gain per channel follows the light.
    """

    def __init__(self, floor: Image, parameters: MotionParameters) -> None:
        self._floor = floor.astype(np.float32)
        self._parameters = parameters
        self._gain = np.ones(3)
        self._lit = floor.copy()
        self.threshold = parameters.threshold or 20.0
        self._foreground = np.zeros(floor.shape[:2], bool)
        self._frames = 0
        self._furniture = Furniture(floor.shape[:2], parameters.furniture_s)

    @property
    def gain(self) -> NDArray[np.float64]:
        """Brightness of the last frame against the floor's picture, per channel."""
        return self._gain

    def contrast(self, image: Image) -> Image:
        """Largest difference over the channels to the floor in this light, grey levels, height x width."""
        import cv2

        if self._frames % _LIGHT_EVERY == 0:
            self._follow_light(image)
        self._frames += 1
        difference = cv2.absdiff(image, self._lit)
        blue, green, red = cv2.split(difference)
        return np.asarray(cv2.max(cv2.max(blue, green), red), np.uint8)

    def learn(self, image: Image, foreground: NDArray[np.uint8], elapsed_s: float) -> None:
        """Let the floor follow the picture where no animal is, and take in what has become furniture."""
        import cv2

        self._foreground = cv2.dilate(foreground, _MARGIN) > 0
        rate = min(1.0, elapsed_s / self._parameters.adapt_s)
        unlit = cv2.multiply(image, _scalar(1 / self._gain), dtype=cv2.CV_32F)
        cv2.accumulateWeighted(unlit, self._floor, rate, (~self._foreground).view(np.uint8))
        plain = np.asarray(cv2.convertScaleAbs(unlit), np.uint8)
        furniture = self._furniture.watch(plain, foreground, self.threshold / 2, elapsed_s)
        if furniture is not None:
            cv2.copyTo(unlit, furniture, self._floor)
        self._light_floor()
        if self._parameters.threshold is None:
            self._measure_noise(image)

    def _measure_noise(self, image: Image) -> None:
        import cv2

        sampled = np.s_[::_STRIDE, ::_STRIDE]
        quiet = cv2.absdiff(image[sampled], self._lit[sampled]).max(axis=2)[~self._foreground[sampled]]
        if quiet.size:
            wanted = 15.0 + 4.0 * 1.4826 * float(np.median(quiet))  # 1.4826: from the median to a standard deviation
            self.threshold += 0.5 * (min(wanted, 80.0) - self.threshold)

    def _follow_light(self, image: Image) -> None:
        mine = self._floor[::_STRIDE, ::_STRIDE]
        now = image[::_STRIDE, ::_STRIDE]
        usable = (mine.min(axis=2) > 8) & ~self._foreground[::_STRIDE, ::_STRIDE]
        if usable.sum() < 50:
            return
        gain = np.clip(np.median(now[usable] / mine[usable], axis=0), 0.2, 5.0)
        if np.abs(gain / self._gain - 1).max() > 0.02:
            self._gain = gain
            self._light_floor()

    def _light_floor(self) -> None:
        import cv2

        self._lit = np.asarray(cv2.multiply(self._floor, _scalar(self._gain), dtype=cv2.CV_8U), np.uint8)


def _scalar(channels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Three channels as OpenCV's four-element scalar."""
    return np.append(channels, 1.0)
