"""Which frames the device was unsure of, by its own boxes: low scores, or an odd number of animals."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from herdbook.contracts.records import BOXES_SCHEMA
from herdbook.learning.archive import ArchivedClip
from herdbook.learning.formats.boxes import is_boxes
from herdbook.learning.review.plan import ReviewPlan


@dataclass(frozen=True)
class Doubt:
    """A frame that the device was unsure of."""

    clip: str
    frame: int
    doubt: float
    """0..1."""


class DayBoxes:
    """The device's own boxes, each clip's from beside it: revisions of a day have boxes of their own."""

    def __init__(self) -> None:
        self._folders: dict[Path, pa.Table] = {}

    def of_clip(self, clip: ArchivedClip) -> pa.Table:
        """Rows of `contracts.records.BOXES_SCHEMA`; none where the device wrote none of the clip."""
        folder = clip.path.parent
        if folder not in self._folders:
            files = [file for file in sorted(folder.glob("*.parquet")) if is_boxes(file)]
            tables = [pq.read_table(file) for file in files]
            self._folders[folder] = pa.concat_tables(tables) if tables else BOXES_SCHEMA.empty_table()
        rows = self._folders[folder]
        return rows.filter(pc.equal(rows["clip"], clip.name))


def doubts(mine: pa.Table, clip: str, frames: Collection[int], plan: ReviewPlan) -> list[Doubt] | None:
    """Unsure frames of a clip.

    Args:
        mine: the clip's rows of `contracts.records.BOXES_SCHEMA`.
        clip: its name.
        frames: every frame of it: in those without a row nothing was found.
        plan: what counts as unsure.

    Returns:
        In the order of time; none where the device wrote no box of the clip, so that nothing is known.
    """
    if not mine.num_rows or not frames:
        return None
    numbers = np.array(sorted(frames))
    place = np.searchsorted(numbers, mine["frame"].to_numpy())
    known = (place < len(numbers)) & (numbers[np.minimum(place, len(numbers) - 1)] == mine["frame"].to_numpy())
    score = mine["confidence"].to_numpy().astype(np.float64)
    count = np.bincount(place[known], minlength=len(numbers))
    mean = np.bincount(place[known], score[known], len(numbers)) / np.maximum(count, 1)
    off = np.abs(count - np.median(count))
    low = np.where(count > 0, np.clip(plan.sure - mean, 0, None) / max(plan.sure, 1e-9), 0)
    odd = np.where(off >= plan.odd, off / np.maximum(np.maximum(count, np.median(count)), 1), 0)
    found = np.maximum(low, odd)
    return [Doubt(clip, int(numbers[k]), float(min(found[k], 1))) for k in np.flatnonzero(found > 0)]


def most_doubtful(found: Collection[Doubt], seconds: dict[tuple[str, int], float], plan: ReviewPlan) -> list[Doubt]:
    """Those that the teacher reads: most doubtful first, far enough apart within a clip, as many as are paid for.

    Args:
        found: unsure frames.
        seconds: of each by clip and frame, since its clip's first frame.
        plan: distance and number.
    """
    taken: list[Doubt] = []
    times: dict[str, list[float]] = {}
    for one in sorted(found, key=lambda doubt: (-doubt.doubt, doubt.clip, doubt.frame)):
        if len(taken) == plan.frames:
            break
        at, near = seconds[one.clip, one.frame], times.setdefault(one.clip, [])
        if all(abs(at - other) >= plan.apart_s for other in near):
            near.append(at)
            taken.append(one)
    return taken
