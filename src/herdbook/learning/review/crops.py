"""Pictures of tracklets, cut from footage that is still here by the device's own boxes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from herdbook.errors import VideoSourceError
from herdbook.learning.archive import ArchivedClip, ArchivedDay, archived_days
from herdbook.learning.datasets.video import index_frames, read_frames
from herdbook.learning.pixels import Image, png_bytes
from herdbook.learning.review.unsure import DayBoxes
from herdbook.settings import Settings

PICTURES = 3
"""Of each tracklet, spread over its time."""
_MARGIN = 0.1
"""Of the box, on each side."""

Box = tuple[float, float, float, float]


def crops(settings: Settings, tracklet_ids: Collection[str], *, pictures: int = PICTURES) -> dict[str, list[bytes]]:
    """PNG pictures by tracklet, in the order of time; tracklets without footage or boxes are left out.

    Args:
        settings: where ledger, lake and footage are.
        tracklet_ids: wanted.
        pictures: of each, at most.

    Raises:
        NotInitialisedError: there is no ledger or lake.
    """
    found: dict[str, list[bytes]] = defaultdict(list)
    days = {tuple(tracklet.split(":")[:2]) for tracklet in tracklet_ids}
    for day in archived_days(settings):
        if (day.device_id, str(day.day)) in days:
            for tracklet, picture in _of_day(day, tracklet_ids, pictures):
                if len(found[tracklet]) < pictures:
                    found[tracklet].append(picture)
    return dict(found)


def _of_day(day: ArchivedDay, tracklet_ids: Collection[str], pictures: int) -> Sequence[tuple[str, bytes]]:
    boxes, cut = DayBoxes(), []
    wanted = pa.array(sorted(tracklet_ids), pa.string())
    for clip in day.clips:
        rows = boxes.of_clip(clip)
        rows = rows.filter(pc.is_in(rows["tracklet_id"], wanted))
        if rows.num_rows:
            cut += _of_clip(clip, rows, pictures)
    return cut


def _of_clip(clip: ArchivedClip, rows: pa.Table, pictures: int) -> list[tuple[str, bytes]]:
    by_frame: dict[int, list[tuple[str, Box]]] = defaultdict(list)
    for tracklet in sorted(set(rows["tracklet_id"].to_pylist())):
        mine = rows.filter(pc.equal(rows["tracklet_id"], tracklet)).sort_by("frame").to_pylist()
        for k in np.unique(np.linspace(0, len(mine) - 1, pictures).round().astype(int)).tolist():
            row = mine[k]
            by_frame[row["frame"]].append((tracklet, (row["x"], row["y"], row["width"], row["height"])))
    try:
        frames = list(read_frames(clip.path, index_frames(clip.path), by_frame))
    except VideoSourceError:  # a damaged clip leaves a tracklet without a picture, not a reviewer without a page
        return []
    cut = [(tracklet, _crop(image, box)) for frame, image in frames for tracklet, box in by_frame[frame]]
    return [(tracklet, png_bytes(picture)) for tracklet, picture in cut if picture.size]


def _crop(image: Image, box: Box) -> Image:
    x, y, width, height = box
    left, top = int(max(x - _MARGIN * width, 0)), int(max(y - _MARGIN * height, 0))
    right, bottom = int(x + (1 + _MARGIN) * width) + 1, int(y + (1 + _MARGIN) * height) + 1
    return np.ascontiguousarray(image[top:bottom, left:right])
