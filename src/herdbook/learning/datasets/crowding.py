"""How crowded a frame is, by boxes: the device's own, or labels where there are some."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from herdbook.learning.formats.annotations import Box
from herdbook.learning.formats.boxes import is_boxes


class Crowding(StrEnum):
    """Share of animals whose box overlaps another's."""

    EMPTY = "empty"
    APART = "apart"
    SOME = "some"
    """Fewer than half."""
    CROWD = "crowd"
    UNKNOWN = "unknown"
    """Nobody said where animals are."""


def touching(boxes: Sequence[Box] | NDArray[np.float64]) -> float:
    """Share of boxes (N, 4) that overlap another, 0..1."""
    rects = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    low, high = rects[:, :2], rects[:, :2] + rects[:, 2:]
    shared = np.minimum(high[:, None], high) - np.maximum(low[:, None], low)
    overlap = np.asarray((shared > 0).all(axis=2)) & ~np.eye(len(rects), dtype=bool)
    return float(overlap.any(axis=1).mean()) if len(rects) else 0.0


def crowding_of(boxes: Sequence[Box] | NDArray[np.float64] | None) -> tuple[Crowding, float | None]:
    """The class, and the share it stands for."""
    if boxes is None:
        return Crowding.UNKNOWN, None
    share = touching(boxes)
    if not len(boxes):
        return Crowding.EMPTY, share
    return (Crowding.APART if share == 0 else Crowding.SOME if share < 0.5 else Crowding.CROWD), share


class DeviceBoxes:
    """The device's own boxes beside footage, one folder's at a time in memory."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._clips: dict[str, dict[int, NDArray[np.float64]]] = {}

    def of_clip(self, folder: Path | None, clip: str) -> dict[int, NDArray[np.float64]] | None:
        """(N, 4) boxes by frame; none where the device wrote none of the clip."""
        if folder is None:
            return None
        if folder != self._folder:
            self._folder, self._clips = folder, _read(folder)
        return self._clips.get(clip)


def _read(folder: Path) -> dict[str, dict[int, NDArray[np.float64]]]:
    found: dict[str, dict[int, NDArray[np.float64]]] = {}
    for file in sorted(folder.glob("*.parquet")):
        if not is_boxes(file):
            continue
        table = pq.read_table(file, columns=["clip", "frame", "x", "y", "width", "height"])
        for name in pc.unique(table["clip"]).to_pylist():
            rows = table.filter(pc.equal(table["clip"], name)).sort_by("frame")
            numbers, starts = np.unique(rows["frame"].to_numpy(), return_index=True)
            boxes = np.column_stack([rows[c].to_numpy() for c in ("x", "y", "width", "height")]).astype(np.float64)
            parts = np.split(boxes, starts[1:])
            found.setdefault(name, {}).update(zip(numbers.tolist(), parts, strict=True))
    return found
