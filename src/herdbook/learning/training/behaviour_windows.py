"""What the behaviour head learns from: tracks of kept clips as the engine saw them, labelled by what is true.

The engine that runs on devices makes them, with the student just trained: its errors are learned from too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from herdbook.contracts.camera import Camera
from herdbook.edge.perception.base import Image
from herdbook.edge.perception.clip_steps import SeenTrack, clip_steps
from herdbook.edge.perception.learned import LearnedEngine
from herdbook.edge.video import decode, picture
from herdbook.errors import EmptyDatasetError
from herdbook.learning.datasets.plan import Split
from herdbook.learning.datasets.reading import Dataset
from herdbook.learning.evaluation.matching import match

UNKNOWN = -1
IOU = 0.5
"""Least overlap of boxes at which a track is on an animal."""


@dataclass(frozen=True)
class Windows:
    """W tracks, padded to the longest."""

    features: Tensor
    """[W, T, F]."""
    present: Tensor
    """[W, T]."""
    labels: Tensor
    """[W, T], index into the ethogram, or `UNKNOWN`."""

    def __len__(self) -> int:
        return len(self.labels)


def windows_of(
    dataset: Dataset,
    split: Split,
    make: Callable[[], LearnedEngine],
    behaviours: tuple[str, ...],
    progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    at_most: int | None = None,
) -> Windows:
    """Run the engine over every kept clip of a side, or over so many of them, evenly chosen.

    Raises:
        EmptyDatasetError: no clip was kept, none has labels, or the engine found none of the labelled animals.
    """
    rows = list(dataset.sequences(split))
    if at_most is not None and at_most < len(rows):
        rows = [rows[k * len(rows) // at_most] for k in range(at_most)]
    found: list[tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.int64]]] = []
    looked_at = 0
    for done, (clip, truth) in enumerate(rows, start=1):
        if clip["file"] is not None and clip["camera"] is not None and len(truth):
            camera = Camera.model_validate_json(clip["camera"])
            tracks = clip_steps(make(), camera, _frames(dataset.folder / clip["file"], clip["started_at"]))
            found += [_labelled(track, truth, behaviours) for track in tracks]
            looked_at += 1
        progress(done, len(rows))
    known = [window for window in found if (window[2] >= 0).any()]
    if not known and looked_at:
        raise EmptyDatasetError(
            f"none of the labelled animals in {looked_at} clips of the side '{split.value}' was found",
            "What looks at them sees too little: give it more steps, or a better teacher.",
        )
    if not known:
        raise EmptyDatasetError(
            f"no clip of the side '{split.value}' shows what an animal did",
            "Build the dataset with keep_clips, from clips whose labels tell behaviours.",
        )
    return Windows(
        torch.from_numpy(_padded([features for features, _, _ in known], 0.0)),
        torch.from_numpy(_padded([present for _, present, _ in known], False)),
        torch.from_numpy(_padded([labels for _, _, labels in known], UNKNOWN)),
    )


def _frames(path: Path, started_at: datetime) -> Iterator[tuple[datetime, Image]]:
    for seconds, frame in decode(path):
        yield started_at + timedelta(seconds=seconds), picture(frame)


def _labelled(
    track: SeenTrack, truth: pa.Table, behaviours: tuple[str, ...]
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.int64]]:
    """Features, presence and labels of a track: the behaviour that most frames of a step show."""
    steps = track.steps
    votes = np.zeros((len(steps.present), len(behaviours)))
    names = {name: k for k, name in enumerate(behaviours)}
    frame = truth["frame"].to_numpy()
    boxes = np.column_stack([truth[name].to_numpy() for name in ("x", "y", "width", "height")])
    said = truth["behaviour"].to_pylist()
    for number, at, box in zip(track.frames, track.at, track.boxes, strict=True):
        here = np.flatnonzero(frame == number)
        partner = match(boxes[here].astype(np.float64), box[None], IOU)
        on = here[partner == 0]
        if len(on) and said[on[0]] in names:
            step = int((at - steps.started_at).total_seconds() / steps.steps.step_s + 1e-6)
            votes[min(step, len(votes) - 1), names[said[on[0]]]] += 1
    labels = np.where(votes.any(1), votes.argmax(1), UNKNOWN)
    return steps.features(), steps.present, labels


def _padded(arrays: list[NDArray[np.generic]], fill: float | bool | int) -> NDArray[np.generic]:
    longest = max(len(array) for array in arrays)
    out = np.full((len(arrays), longest, *arrays[0].shape[1:]), fill, arrays[0].dtype)
    for k, array in enumerate(arrays):
        out[k, : len(array)] = array
    return out
