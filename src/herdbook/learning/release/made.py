"""What making the networks of a release came to; the document is written from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from herdbook.contracts.release import AccuracyCost, Calibration, Fixture, InputShape, Network, Precision
from herdbook.errors import ReleaseNotProvedError

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much (0: not known)."""
RELATIVE = 1e-3
"""How far ONNX Runtime may be from torch, as a share of the largest value of that output (1 at least)."""


@dataclass(frozen=True)
class Asked:
    """What a person may ask of a release."""

    smallest: Precision = Precision.INT8
    """No network or recipe is of a smaller precision."""
    few_frames: bool = False
    """Whether int8 may be calibrated on fewer frames than a site should give."""
    limit_bytes: int = 10_000_000
    """Of the compact student in int8."""


@dataclass
class Made:
    """Files lie in the release's folder already."""

    networks: list[Network] = field(default_factory=list)
    fixtures: list[Fixture] = field(default_factory=list)
    shapes: list[InputShape] = field(default_factory=list)
    accuracy: list[AccuracyCost] = field(default_factory=list)
    calibration: Calibration | None = None


@dataclass
class Compared:
    """How far two runs of a network are from each other, over all that was compared."""

    what: str
    largest: float = 0.0
    """Absolute."""
    allowed: float = RELATIVE

    def add(self, one: Mapping[str, NDArray[Any]], other: Mapping[str, NDArray[Any]], on: str) -> None:
        """Compare outputs by name; `one` is torch's.

        Raises:
            ReleaseNotProvedError: they are farther apart than `RELATIVE` allows, or a value is not finite.
        """
        for name, wanted in one.items():
            got = other[name]
            limit = RELATIVE * max(1.0, float(np.abs(wanted).max(initial=0.0)))
            off = (
                float(np.abs(wanted.astype(np.float64) - got).max(initial=0.0)) if got.shape == wanted.shape else np.inf
            )
            if not off <= limit:
                raise ReleaseNotProvedError(
                    f"{self.what}: ONNX Runtime is {off:.2g} from torch in '{name}' on {on}; {limit:.2g} is allowed"
                )
            self.largest, self.allowed = max(self.largest, off), max(self.allowed, limit)
