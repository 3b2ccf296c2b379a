"""A chunk of the herd: one device's animal-days over some days, as flat arrays that the bout level fills."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from herdbook.simulate.herd.days import DeviceDays, device_days
from herdbook.simulate.herd.plan import HerdPlan
from herdbook.simulate.herd.population import Bools, Floats, Ints


@dataclass(frozen=True)
class Chunk:
    """Which part of the herd: a device, and days ``[first, stop)`` counted from the herd's first."""

    device: int
    first: int
    stop: int


@dataclass(frozen=True)
class Cells:
    """``n`` animal-days with observed time, ordered by day, then place. Seconds count from local midnight."""

    day: Ints
    """``[n]``"""
    place: Ints
    animal: Ints
    claimed: Ints
    """``[n]`` animal that the records are claimed for."""
    confidence: Floats
    pen: Ints
    share: Floats
    """``[n]`` lying share of the whole day, the truth."""
    tempo: Floats
    on_s: Ints
    """``[n]`` seconds that the camera was on."""
    off_from: Ints
    """``[n]`` when the camera went off; the day's end where it did not."""
    off_s: Ints
    """``[n]`` seconds that it was off."""
    observed_s: Ints
    lying_s: Ints
    """``[n]`` of the observed seconds; these two sums are what the bouts must come to."""
    switched: Bools

    def __len__(self) -> int:
        return len(self.day)


def chunks(plan: HerdPlan) -> list[Chunk]:
    """All chunks: every device's days in spans of ``detail.chunk_days``, day by day over the herd."""
    step = plan.detail.chunk_days
    spans = [(first, min(first + step, plan.days)) for first in range(0, plan.days, step)]
    return [Chunk(device, first, stop) for first, stop in spans for device in range(plan.devices)]


def cells_of(plan: HerdPlan, chunk: Chunk) -> tuple[DeviceDays, Cells]:
    """The chunk's animal-days; its device is drawn anew, which takes a fraction of what its bouts take."""
    part = device_days(plan, chunk.device)
    span = slice(chunk.first, chunk.stop)
    day, place = np.nonzero(part.observed_s[:, span].T > 0)
    day = day + chunk.first
    at = place, day
    animals = part.animals
    animal = animals.occupant[at]
    switched = part.confusion.switched[at]
    pen = animals.pen_of[at]
    off_from = part.cameras.off_from[pen, day]
    return part, Cells(
        day=_ints(day),
        place=_ints(place),
        animal=animal,
        claimed=np.where(switched, animals.occupant[np.where(switched, place ^ 1, place), day], animal),
        confidence=part.confusion.confidence[at],
        pen=pen,
        share=part.share[at],
        tempo=animals.tempo[animal],
        on_s=part.cameras.on_s[pen, day],
        off_from=off_from,
        off_s=part.cameras.off_until[pen, day] - off_from,
        observed_s=part.observed_s[at],
        lying_s=part.lying_s[at],
        switched=switched,
    )


def _ints(values: NDArray[np.integer]) -> Ints:
    return values.astype(np.int32)
