"""A frozen dataset as those who learn from it see it. Nothing here needs torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from herdbook.contracts.digest import sha256_of
from herdbook.errors import FileFormatError
from herdbook.learning.datasets.manifest import DatasetManifest, read_manifest
from herdbook.learning.datasets.plan import Split
from herdbook.learning.formats.annotations import ANIMAL, BEHAVIOUR, Shape
from herdbook.learning.formats.rle import Rle
from herdbook.learning.pixels import Image, frame_id, read_picture


@dataclass(frozen=True)
class Frame:
    """One frame of a dataset; ``said`` is its row of ``frames.parquet``."""

    frame_id: str
    split: Split
    path: Path
    said: dict[str, Any]

    def image(self) -> Image:
        """Its pixels, (height, width, 3) RGB.

        Raises:
            FileFormatError: the file is not what was frozen.
        """
        image = read_picture(self.path)
        if frame_id(image) != self.frame_id:
            raise FileFormatError(f"{self.path} was altered", "Restore the dataset: `dvc checkout`, or build it again.")
        return image


class Dataset:
    """A dataset's folder.

    Raises:
        NotFoundError, FileFormatError: it is none, or a table was altered.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest: DatasetManifest = read_manifest(folder)
        for name, digest in self.manifest.sha256.items():
            if not (folder / name).is_file() or sha256_of(folder / name) != digest:
                raise FileFormatError(f"{folder / name} is not what was frozen", "Restore it, or build it again.")

    def table(self, name: str) -> pa.Table:
        """``frames``, ``labels``, ``clips`` or ``sequences`` (see `tables`)."""
        return pq.read_table(self.folder / f"{name}.parquet")

    def frames(self, split: Split | str | None = None) -> list[Frame]:
        """Frames of a side, or all, by their ids."""
        rows = self.table("frames")
        if split is not None:
            rows = rows.filter(pc.equal(rows["split"], Split(split).value))
        return [Frame(row["frame_id"], Split(row["split"]), self.folder / row["file"], row) for row in rows.to_pylist()]

    def labels(self, frame: Frame) -> list[Shape]:
        """What is drawn on a frame."""
        size = (frame.said["height"], frame.said["width"])
        return [_shape(row, size) for row in self._labels.get(frame.frame_id, ())]

    def sequences(self, split: Split | str) -> Iterator[tuple[dict[str, Any], pa.Table]]:
        """Clips of a side that were kept, each with the labels of all its frames; none unless clips were kept."""
        if not (self.folder / "sequences.parquet").is_file():
            return
        clips = self.table("clips")
        rows = self.table("sequences")
        for clip in clips.filter(pc.equal(clips["split"], Split(split).value)).to_pylist():
            mine = pc.and_(pc.equal(rows["device_id"], clip["device_id"]), pc.equal(rows["clip"], clip["clip"]))
            yield clip, rows.filter(pc.and_(mine, pc.equal(rows["day"], pa.scalar(clip["day"]))))

    @cached_property
    def _labels(self) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {}
        for row in self.table("labels").to_pylist():
            found.setdefault(row["frame_id"], []).append(row)
        return found


def _shape(row: dict[str, Any], size: tuple[int, int]) -> Shape:
    said = {ANIMAL: row["animal"], BEHAVIOUR: row["behaviour"]}
    return Shape(
        row["frame_id"],
        row["label"],
        (row["x"], row["y"], row["width"], row["height"]),
        mask=None if row["mask"] is None else Rle(*size, tuple(row["mask"])),
        track=row["animal"],
        occluded=row["occluded"],
        attributes={name: value for name, value in said.items() if value is not None},
    )
