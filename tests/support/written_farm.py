"""A small simulated farm, and readers of what was written of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pyarrow.parquet as pq

from herdbook.simulate.farm import Farm, read_farm
from herdbook.simulate.plan import FarmPlan, LamenessPlan


@dataclass(frozen=True)
class Written:
    """A farm on disk."""

    out: Path

    @property
    def farm(self) -> Farm:
        return read_farm(self.out / "farm.yaml")

    def truth(self, device_id: str = "barn-a-1", day: str = "2026-03-02") -> Path:
        return self.out / "truth" / device_id / day

    def boxes(self, **where: str) -> list[dict]:
        return pq.read_table(self.truth(**where) / "boxes.parquet").to_pylist()

    def behaviours(self, **where: str) -> list[dict]:
        return pq.read_table(self.truth(**where) / "behaviours.parquet").to_pylist()

    def clips(self, camera_id: str = "cam-1", device_id: str = "barn-a-1") -> list[Path]:
        return sorted((self.out / "devices" / device_id / "footage" / camera_id).glob("*.mp4"))


def decode(clip: Path) -> np.ndarray:
    """Frames ``[n, height, width, 3]``, red, green, blue."""
    with av.open(str(clip)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


SMALL = FarmPlan(
    seed=5,
    days=1,
    pens=1,
    animals_per_pen=8,
    fps=3,
    clips_per_day=6,
    clip_seconds=10,
    outages_per_day=3,
    lameness=LamenessPlan(animals=2),
)
