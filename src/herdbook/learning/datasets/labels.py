"""Where labels come from. Truth enters a dataset only through a source that somebody named."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Protocol

from herdbook.learning.datasets.clips import Clip
from herdbook.learning.formats.annotations import Annotations, Shape

FrameLabels = dict[int, list[Shape]]
"""Shapes by frame, from 1. A frame that nobody labelled is absent; one without animals has an empty list."""


class LabelSource(Protocol):
    """Labels of clips."""

    name: str
    """What stands beside each label: ``simulator``, ``golden``."""
    by_people: bool
    """Whether its frames are few and dear: all of them are wanted."""

    def of_clip(self, clip: Clip, frames: Collection[int] | None = None, *, masks: bool = True) -> FrameLabels | None:
        """Labels of a clip's frames, or of some of them; none where the source does not speak of the clip."""


class NoLabels:
    """For learning from unlabelled frames."""

    name = "none"
    by_people = False

    def of_clip(self, clip: Clip, frames: Collection[int] | None = None, *, masks: bool = True) -> FrameLabels | None:
        """Nothing."""
        return None


class AnnotatedFrames:
    """Annotations of frames that this platform gave out: their pictures' names say which frames they are."""

    by_people = True

    def __init__(self, annotations: Annotations, name: str) -> None:
        self.name = name
        self._clips: dict[tuple[str, str, str], FrameLabels] = defaultdict(dict)
        drawn = annotations.of_picture()
        for picture in annotations.pictures:
            place = place_of(picture.name)
            if place is not None:
                device, day, stem, frame = place
                self._clips[device, day.isoformat(), stem][frame] = drawn[picture.name]

    def of_clip(self, clip: Clip, frames: Collection[int] | None = None, *, masks: bool = True) -> FrameLabels | None:
        """Labels of the frames that were annotated."""
        said = self._clips.get((clip.device_id, clip.day.isoformat(), Path(clip.name).stem))
        if said is None or frames is None:
            return said
        return {frame: said[frame] for frame in frames if frame in said}


def first_of(sources: Sequence[LabelSource], clip: Clip) -> LabelSource:
    """The first source that speaks of a clip: its word alone is taken, so that no frame mixes truths."""
    return next((source for source in sources if source.of_clip(clip, (), masks=False) is not None), NoLabels())


def picture_name(device_id: str, day: date, clip: str, frame: int) -> str:
    """What a frame is called when it is given out: ``<device>/<day>/<clip without suffix>/<frame>.png``."""
    return f"{device_id}/{day.isoformat()}/{Path(clip).stem}/{frame:06d}.png"


def place_of(name: str) -> tuple[str, date, str, int] | None:
    """Device, day, clip without suffix and frame of a picture's name, or none if we did not give it."""
    parts = PurePosixPath(name).with_suffix("").parts[-4:]
    try:
        device, day, stem, frame = parts
        return device, date.fromisoformat(day), stem, int(frame)
    except ValueError:
        return None
