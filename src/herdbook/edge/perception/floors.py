"""The floors that one camera shows: by day, by infrared at night, after it was moved."""

from __future__ import annotations

from collections.abc import Callable

from herdbook.edge.perception import background
from herdbook.edge.perception.base import Image
from herdbook.edge.perception.parameters import MotionParameters
from herdbook.edge.perception.subtract import Subtraction

_KEPT = 4
_PATIENCE_S = 30.0
_SAMPLE_EVERY_S = 5.0


class Floors:
    """Keeps the floor in use, finds back to one it knows, and learns a new one when none fits for a while."""

    def __init__(self, first: Image, parameters: MotionParameters) -> None:
        self._parameters = parameters
        self._known = [Subtraction(first, parameters)]
        self._samples: list[Image] = []
        self._lost_s: float | None = None
        self._sampled_s = 0.0

    @property
    def current(self) -> Subtraction:
        """The floor in use."""
        return self._known[0]

    def fits(self) -> None:
        """Say that the floor in use fits the picture."""
        self._lost_s = None
        self._samples = []

    def look_for_another(self, image: Image, seconds: float, fits: Callable[[Subtraction], bool]) -> bool:
        """Change to a known floor that fits the picture, or gather towards a new one; returns whether it changed."""
        for candidate in self._known[1:]:
            if fits(candidate):
                self._use(candidate)
                return True
        self._lost_s = seconds if self._lost_s is None else self._lost_s
        if seconds - self._lost_s < _PATIENCE_S or seconds - self._sampled_s < _SAMPLE_EVERY_S:
            return False
        self._sampled_s = seconds
        self._samples.append(image.copy())
        if len(self._samples) < background.MAX_SAMPLES:
            return False
        self._use(Subtraction(background.estimate(self._samples), self._parameters))
        return True

    def _use(self, floor: Subtraction) -> None:
        self._known = [floor, *(known for known in self._known if known is not floor)][:_KEPT]
        self.fits()
