"""Write what was chosen: pictures by the digest of their pixels, tables beside them."""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from herdbook.contracts.durable import fsync_path, make_folder, write_durably
from herdbook.contracts.ethogram import load_ethogram
from herdbook.learning.datasets.candidates import Candidate
from herdbook.learning.datasets.clips import Clip
from herdbook.learning.datasets.labels import LabelSource
from herdbook.learning.datasets.people import blanked
from herdbook.learning.datasets.plan import DatasetPlan, Split
from herdbook.learning.datasets.tables import CLIPS, FRAMES, LABELS, SEQUENCES, shape_row, write_rows
from herdbook.learning.datasets.video import index_frames, read_frames
from herdbook.learning.formats.annotations import PERSON, Annotations, Picture, Shape
from herdbook.learning.formats.checks import checked
from herdbook.learning.formats.rle import Rle, fill_polygons
from herdbook.learning.pixels import frame_id, png_bytes

BLOCK = 256
"""Frames that are stored between two looks at the quota."""


class _Stored(NamedTuple):
    identity: str
    png: bytes
    size: tuple[int, int]
    """Width and height."""
    shapes: list[Shape]
    people: int | None
    """How many were blanked; none where nobody looked for them."""


class Freezer:
    """Stores frames into a folder that nobody reads yet."""

    def __init__(
        self,
        folder: Path,
        plan: DatasetPlan,
        clips: Sequence[Clip],
        *,
        sides: Sequence[Split | None],
        labels: Sequence[LabelSource],
        people: Sequence[LabelSource],
    ) -> None:
        self._folder, self._plan, self._clips, self._sides = folder, plan, clips, sides
        self._sources, self._people = labels, people
        self._rows: dict[str, dict[str, Any]] = {}
        self._labels: list[dict[str, Any]] = []
        self._labelled: dict[int, int] = defaultdict(int)
        self.over_quota = self.repeated = 0

    def add(self, chosen: Sequence[Candidate], report: Callable[[int], None]) -> None:
        """Store frames in their order until the quota of bytes is reached."""
        used, waiting = 0, iter(chosen)
        done = 0
        while block := list(islice(waiting, BLOCK)):
            stored = dict(self._stored(block))
            for candidate in block:
                done += 1
                if candidate not in stored:  # it decoded once, and no longer
                    continue
                frame = stored[candidate]
                if frame.identity in self._rows:
                    self.repeated += 1
                elif used + len(frame.png) > self._plan.bytes:
                    self.over_quota += 1
                else:
                    used += len(frame.png)
                    self._write(candidate, frame)
            report(done)

    def _stored(self, block: Sequence[Candidate]) -> Iterator[tuple[Candidate, _Stored]]:
        """Pixels and labels of candidates, clip by clip."""
        of_clip: dict[int, dict[int, Candidate]] = defaultdict(dict)
        for candidate in block:
            of_clip[candidate.clip][candidate.frame] = candidate
        for number, wanted in sorted(of_clip.items()):
            clip = self._clips[number]
            labels = self._sources[number].of_clip(clip, wanted) or {}
            people = [source.of_clip(clip, wanted) or {} for source in self._people]
            for frame, seen in read_frames(clip.path, index_frames(clip.path), wanted):
                image, shapes, blank = seen, labels.get(frame, []), None
                if self._plan.mask_people:
                    image, blank = blanked(image, [*shapes, *(s for said in people for s in said.get(frame, []))])
                    shapes = [shape for shape in shapes if shape.label != PERSON]
                size = (image.shape[1], image.shape[0])
                yield wanted[frame], _Stored(frame_id(image), png_bytes(image), size, shapes, blank)

    def _write(self, candidate: Candidate, stored: _Stored) -> None:
        clip, side = self._clips[candidate.clip], self._sides[candidate.clip]
        assert side is not None, "frames that link sides are not chosen"
        identity, (width, height) = stored.identity, stored.size
        where = f"frames/{identity[:2]}/{identity}.png"
        write_durably(make_folder((self._folder / where).parent) / Path(where).name, stored.png)
        self._labelled[candidate.clip] += candidate.labelled
        self._rows[identity] = {
            "frame_id": identity,
            "split": side.value,
            "site": clip.site,
            "camera_id": clip.camera_id,
            "device_id": clip.device_id,
            "day": clip.day,
            "clip": clip.name,
            "frame": candidate.frame,
            "at": candidate.at,
            "width": width,
            "height": height,
            "light": candidate.light.value,
            "luma": candidate.look.luma,
            "crowding": candidate.crowding.value,
            "touching": candidate.touching,
            "disagreement": candidate.disagreement,
            "labelled": candidate.labelled,
            "people_blanked": stored.people,
            "bytes": len(stored.png),
            "file": where,
        }
        source = self._sources[candidate.clip].name
        shapes = _sound(clip, candidate.frame, stored.size, stored.shapes, self._plan)
        self._labels += [{"frame_id": identity, **shape_row(shape, source)} for shape in shapes]

    def finish(self, kept: Mapping[int, str]) -> list[dict[str, Any]]:
        """Write the tables; returns the rows of ``frames.parquet``."""
        rows = sorted(self._rows.values(), key=lambda row: row["frame_id"])
        write_rows(self._folder / "frames.parquet", FRAMES, rows)
        write_rows(
            self._folder / "labels.parquet",
            LABELS,
            sorted(self._labels, key=lambda row: (row["frame_id"], row["animal"] or "", row["x"], row["y"])),
        )
        write_rows(self._folder / "clips.parquet", CLIPS, [self._clip_row(k, kept) for k in range(len(self._clips))])
        return rows

    def _clip_row(self, number: int, kept: Mapping[int, str]) -> dict[str, Any]:
        clip, side = self._clips[number], self._sides[number]
        return {
            "device_id": clip.device_id,
            "day": clip.day,
            "clip": clip.name,
            "site": clip.site,
            "camera_id": clip.camera_id,
            "split": side.value if side else None,
            "sha256": clip.sha256,
            "started_at": clip.started_at,
            "ended_at": clip.ended_at,
            "animals": sorted(clip.animals),
            "labelled_frames": self._labelled[number],
            "camera": clip.camera,
            "file": kept.get(number),
        }


def freeze_clips(
    folder: Path,
    clips: Sequence[Clip],
    sides: Sequence[Split | None],
    labels: Sequence[LabelSource],
    plan: DatasetPlan,
) -> dict[int, str]:
    """With ``keep_clips``, the clips of every side and the labels of all their frames; where each lies."""
    if not plan.keep_clips:
        return {}
    kept: dict[int, str] = {}
    rows: list[dict[str, Any]] = []
    for number, (clip, side, source) in enumerate(zip(clips, sides, labels, strict=True)):
        if side is None:
            continue
        where = f"clips/{clip.device_id}/{clip.day.isoformat()}/{clip.name}"
        target = make_folder((folder / where).parent) / clip.name
        try:
            os.link(clip.path, target)
        except OSError:  # another file system
            shutil.copyfile(clip.path, target)
            fsync_path(target)
        kept[number] = where
        for frame, shapes in sorted((source.of_clip(clip) or {}).items()):
            of = {"device_id": clip.device_id, "day": clip.day, "clip": clip.name, "frame": frame}
            rows += [{**of, **shape_row(shape, source.name)} for shape in shapes if shape.label != PERSON]
    write_rows(folder / "sequences.parquet", SEQUENCES, rows)
    return kept


def _sound(clip: Clip, frame: int, size: tuple[int, int], shapes: list[Shape], plan: DatasetPlan) -> list[Shape]:
    """Labels that a dataset can take, or an error that names the frame."""
    if not shapes:
        return []
    name = f"{clip.device_id}/{clip.day}/{clip.name} frame {frame}"
    named = tuple(replace(shape, picture=name) for shape in shapes)
    labels = tuple(dict.fromkeys(shape.label for shape in named))
    said = Annotations("labels", (Picture(name, *size),), labels, named)
    return [_filled(shape, size) for shape in checked(said, load_ethogram(plan.ethogram)).shapes]


def _filled(shape: Shape, size: tuple[int, int]) -> Shape:
    """An outline as the mask it encloses: what networks learn from."""
    if shape.mask is not None or not shape.polygons:
        return shape
    return replace(shape, mask=Rle.encode(fill_polygons(shape.polygons, size[1], size[0])))
