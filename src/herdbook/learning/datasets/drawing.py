"""Frames of a dataset, given out to be annotated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from herdbook.contracts.ethogram import Ethogram
from herdbook.errors import EmptyDatasetError
from herdbook.learning.datasets.labels import picture_name
from herdbook.learning.datasets.plan import Split
from herdbook.learning.datasets.reading import Dataset, Frame
from herdbook.learning.formats.annotations import PERSON, Annotations, Picture


def drawn(
    dataset: Dataset, ethogram: Ethogram, split: str, frames: int, *, labels: bool
) -> tuple[Annotations, Iterator[tuple[str, bytes]]]:
    """Frames of one side, evenly over the dataset, as annotations to be made, and their pictures.

    Raises:
        EmptyDatasetError: the side has no frames.
    """
    found = dataset.frames(Split(split))
    if not found:
        raise EmptyDatasetError(f"{dataset.folder} has no frames for {split}", "Choose another side.")
    step = max(len(found) / frames, 1.0)
    chosen = {_name(found[int(k * step)]): found[int(k * step)] for k in range(min(frames, len(found)))}
    pictures = tuple(Picture(name, f.said["width"], f.said["height"]) for name, f in sorted(chosen.items()))
    shapes = tuple(
        replace(shape, picture=name)
        for name, frame in sorted(chosen.items())
        for shape in (dataset.labels(frame) if labels else ())
    )
    annotations = Annotations(str(dataset.folder), pictures, (ethogram.species, PERSON), shapes)
    return annotations, ((name, frame.path.read_bytes()) for name, frame in sorted(chosen.items()))


def _name(frame: Frame) -> str:
    said = frame.said
    return picture_name(said["device_id"], said["day"], said["clip"], said["frame"])
