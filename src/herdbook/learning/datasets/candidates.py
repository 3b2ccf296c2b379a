"""Frames that a clip offers, each with what it is chosen by."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from herdbook.errors import FileFormatError
from herdbook.learning.datasets.clips import Clip
from herdbook.learning.datasets.crowding import Crowding, DeviceBoxes, crowding_of
from herdbook.learning.datasets.labels import FrameLabels
from herdbook.learning.datasets.look import Light, Look, light_of, look_at
from herdbook.learning.datasets.plan import DatasetPlan
from herdbook.learning.datasets.video import index_frames, read_frames, spaced
from herdbook.learning.formats.annotations import PERSON

Disagreement = Mapping[tuple[str, str, str], Mapping[int, float]]
"""0..1 by device, day (ISO) and clip, then by frame."""


@dataclass(frozen=True)
class Candidate:
    """One frame that may be taken."""

    clip: int
    """Index of its clip."""
    frame: int
    at: datetime
    look: Look = field(repr=False)
    light: Light
    crowding: Crowding
    touching: float | None
    disagreement: float | None
    labelled: bool
    wanted: bool = False
    """It is taken before all others: a person labelled it."""

    def stratum(self, clip: Clip, plan: DatasetPlan) -> tuple[str, ...]:
        """Site, camera, light, crowding, and whether student and teacher disagree on it."""
        agreed = (
            "unknown"
            if self.disagreement is None
            else "differs"
            if self.disagreement >= plan.disagreement
            else "agrees"
        )
        return clip.site, f"{clip.device_id}/{clip.camera_id}", self.light.value, self.crowding.value, agreed


def candidates_of(
    number: int,
    clip: Clip,
    plan: DatasetPlan,
    *,
    labels: FrameLabels | None,
    disagreement: Mapping[int, float],
    boxes: DeviceBoxes,
    wanted: Collection[int] = (),
) -> list[Candidate]:
    """Look at a clip's key frames, or at one frame every so many seconds, and at frames that the student was unsure of.

    Args:
        number: the clip's index.
        clip: the clip.
        plan: how often to look, and what counts as what.
        labels: what is said of its frames.
        disagreement: 0..1 by frame, where it is known.
        boxes: the devices' own boxes.
        wanted: frames that must be looked at beside, and are taken before all others.

    Crowding is told by the device's own boxes; where it wrote none, by the labels, if there are any.

    Raises:
        VideoSourceError: the clip cannot be read.
    """
    index = index_frames(clip.path)
    differing = {frame for frame, value in disagreement.items() if value >= plan.disagreement}
    own = boxes.of_clip(clip.boxes, clip.name)
    found = []
    for frame, image in read_frames(clip.path, index, {*spaced(index, plan.every_s), *differing, *wanted}):
        look = look_at(image)
        if own is not None:
            crowding, share = crowding_of(own.get(frame, np.empty((0, 4))))
        else:
            said = (labels or {}).get(frame)
            crowding, share = crowding_of(None if said is None else [s.box for s in said if s.label != PERSON])
        second = (index.stamps[frame] - next(iter(index.stamps.values()))) * index.second
        found.append(
            Candidate(
                number,
                frame,
                clip.started_at + timedelta(seconds=second),
                look,
                light_of(look, plan.light),
                crowding,
                share,
                disagreement.get(frame),
                labels is not None and frame in labels,
                frame in wanted,
            )
        )
    return found


def read_disagreement(path: Path) -> Disagreement:
    """A table of disagreement: CSV or Parquet with ``device_id, day, clip, frame, disagreement``.

    Raises:
        FileFormatError: it lacks a column, or a value is not within 0..1.
    """
    import duckdb

    reader = "read_parquet" if path.suffix == ".parquet" else "read_csv"
    try:
        with duckdb.connect() as connection:
            rows = connection.execute(
                f"SELECT device_id::VARCHAR, day::DATE::VARCHAR, clip::VARCHAR, frame::INTEGER, disagreement::DOUBLE "  # noqa: S608
                f"FROM {reader}(?)",
                [str(path)],
            ).fetchall()
    except duckdb.Error as error:
        raise FileFormatError(
            f"{path} is no table of disagreement: {str(error).splitlines()[0]}",
            "It needs the columns device_id, day, clip, frame, disagreement.",
        ) from error
    found: dict[tuple[str, str, str], dict[int, float]] = {}
    for device, day, clip, frame, value in rows:
        if None in (device, day, clip, frame, value) or not 0 <= value <= 1:
            raise FileFormatError(f"{path}: {device} {day} {clip} frame {frame}: {value} is not within 0..1")
        found.setdefault((device, day, clip), {})[frame] = value
    return found
