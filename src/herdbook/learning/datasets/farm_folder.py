"""Simulated farms on disk (`herdbook simulate farm | suite`): their clips, and, when asked by name, their truth.

Read as files, by the layout that the simulator promises: learning imports nothing of it.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from herdbook.contracts.digest import sha256_of
from herdbook.contracts.farmtime import local_day
from herdbook.edge.config import CONFIG_NAME, read_device_config
from herdbook.errors import FileFormatError, NotFoundError
from herdbook.learning.datasets.clips import Clip
from herdbook.learning.datasets.labels import FrameLabels
from herdbook.learning.datasets.plan import Split
from herdbook.learning.datasets.video import index_frames
from herdbook.learning.formats.annotations import ANIMAL, BEHAVIOUR, Shape
from herdbook.learning.formats.rle import Rle

SPLITS = {"train": Split.TRAIN, "validation": Split.VALIDATION, "held-out": Split.TEST}
"""A suite's sides. Its severity and second-species scenes are for evaluation alone and are not read."""
_PASSED_OVER = ("severity", "second-species")


@dataclass(frozen=True)
class FarmFolder:
    """One simulated farm."""

    folder: Path
    split: Split | None

    @cached_property
    def said(self) -> dict[str, Any]:
        """``farm.yaml``."""
        try:
            loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
            document = yaml.load((self.folder / "farm.yaml").read_text(encoding="utf-8"), loader)  # noqa: S506 - safe
        except (OSError, yaml.YAMLError) as error:
            raise FileFormatError(f"{self.folder / 'farm.yaml'} cannot be read: {error}") from error
        if not isinstance(document, dict) or document.get("format") != "herdbook-simulated-farm/1":
            raise FileFormatError(f"{self.folder / 'farm.yaml'} is no simulated farm", "Simulate it again.")
        return document

    @property
    def site(self) -> str:
        """The farm's id."""
        return str(self.said["plan"]["farm_id"])

    @property
    def species(self) -> str:
        """What its animals are."""
        return str((self.said["plan"].get("stage") or {}).get("species", "pig"))

    def clips(self) -> Iterator[Clip]:
        """Its clips of finished days, in the order device, camera, start."""
        for camera in self.said["cameras"]:
            device, name = camera["device_id"], camera["camera_id"]
            for path in sorted((self.folder / "devices" / device / "footage" / name).glob(f"{name}_*.mp4")):
                start = datetime.strptime(path.stem.rpartition("_")[2], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
                day = local_day(start, self.said["plan"]["timezone"])
                if (self.folder / "truth" / device / day.isoformat()).is_dir():
                    yield self._clip(path, camera, day, start)

    @cached_property
    def _cameras(self) -> dict[tuple[str, str], str]:
        """What devices are told of their cameras."""
        files = sorted((self.folder / "devices").glob(f"*/{CONFIG_NAME}"))
        configs = [read_device_config(file) for file in files]
        return {(d.device_id, c.camera_id): c.contract().model_dump_json() for d in configs for c in d.cameras}

    def _clip(self, path: Path, camera: dict[str, Any], day: date, start: datetime) -> Clip:
        length = len(index_frames(path).stamps) / self.said["plan"]["fps"]
        animals = {f"{self.site}/{a['animal_id']}" for a in self.said["animals"] if a["pen_id"] == camera["pen_id"]}
        return Clip(
            self.site,
            camera["device_id"],
            camera["camera_id"],
            day,
            path.name,
            path,
            sha256_of(path),
            start,
            start + timedelta(seconds=length),
            frozenset(animals),
            camera=self._cameras.get((camera["device_id"], camera["camera_id"])),
            split=self.split,
        )


def farm_folders(folder: Path) -> list[FarmFolder]:
    """The simulated farms of a folder: itself, those of a suite with the sides that it fixes, or those in its folders.

    Raises:
        NotFoundError: there is none.
    """
    found = _farms(folder) or [farm for inside in sorted(folder.glob("*/")) for farm in _farms(inside)]
    if not found:
        raise NotFoundError(
            f"{folder} holds no simulated farm", "Make one with `herdbook simulate farm` or `herdbook simulate suite`."
        )
    return found


def _farms(folder: Path) -> list[FarmFolder]:
    """The farm that a folder is, or those of the suite that it is."""
    if (folder / "farm.yaml").is_file():
        return [FarmFolder(folder, None)]
    index = folder / "index.json"
    if not index.is_file():
        return []
    scenes = json.loads(index.read_text(encoding="utf-8"))["scenes"]
    return [
        FarmFolder(folder / scene["folder"], SPLITS[scene["split"]])
        for scene in scenes
        if scene["split"] not in _PASSED_OVER and (folder / scene["folder"] / "farm.yaml").is_file()
    ]


class SimulatorTruth:
    """Exact labels of simulated clips: boxes, masks, identities, behaviours. A clip is known by farm, device, day and
    name, so footage of a simulated farm that came through a device and the lake is found too."""

    name = "simulator"
    by_people = False

    def __init__(self, folders: list[FarmFolder]) -> None:
        self._days: dict[tuple[str, str], list[FarmFolder]] = {}
        for farm in folders:
            for day in sorted((farm.folder / "truth").glob("*/*")):
                self._days.setdefault((day.parent.name, day.name), []).append(farm)

    def of_clip(self, clip: Clip, frames: Collection[int] | None = None, *, masks: bool = True) -> FrameLabels | None:
        """Labels of every frame of a clip, or of some."""
        for farm in self._days.get((clip.device_id, clip.day.isoformat()), ()):
            day = farm.folder / "truth" / clip.device_id / clip.day.isoformat()
            if farm.site == clip.site and (day / "mot" / f"{Path(clip.name).stem}.txt").is_file():
                wanted = range(1, 1 + len(index_frames(clip.path).stamps)) if frames is None else frames
                return _labels(farm, day, clip, wanted, with_masks=masks)
        return None


def _labels(farm: FarmFolder, day: Path, clip: Clip, frames: Collection[int], *, with_masks: bool) -> FrameLabels:
    found: FrameLabels = {frame: [] for frame in frames}
    if not found:
        return found
    here = (pc.field("clip") == clip.name) & pc.field("frame").isin(list(frames))
    boxes = pq.read_table(day / "boxes.parquet", filters=here)
    doing = _Behaviours(day / "behaviours.parquet")
    masks = _masks(day / "masks" / f"{clip.camera_id}.parquet", here) if with_masks else {}
    columns = [boxes[c].to_pylist() for c in ("frame", "at", "tracklet_id", "x", "y", "width", "height")]
    for frame, at, animal, *box in zip(*columns, strict=True):
        behaviour = doing.at(animal, at)
        attributes = {ANIMAL: animal} | ({BEHAVIOUR: behaviour} if behaviour else {})
        x, y, width, height = box
        mask = masks.get((frame, animal))
        found[frame].append(
            Shape("", farm.species, (x, y, width, height), mask=mask, track=animal, attributes=attributes)
        )
    return found


class _Behaviours:
    """What each animal of a day did when."""

    def __init__(self, path: Path) -> None:
        table = pq.read_table(path).sort_by([("animal_id", "ascending"), ("started_at", "ascending")])
        self._bouts: dict[str, tuple[list[datetime], list[str]]] = {}
        for animal, start, name in zip(
            *(table[c].to_pylist() for c in ("animal_id", "started_at", "behaviour")), strict=True
        ):
            starts, names = self._bouts.setdefault(animal, ([], []))
            starts.append(start)
            names.append(name)

    def at(self, animal: str, moment: datetime) -> str | None:
        starts, names = self._bouts.get(animal, ([], []))
        place = bisect_right(starts, moment)
        return names[place - 1] if place else None


def _masks(path: Path, here: pc.Expression) -> dict[tuple[int, str], Rle]:
    """Masks by frame and animal: run lengths of a label image, row by row, become one mask each."""
    with pq.ParquetFile(path) as file:
        said = file.schema_arrow.metadata
        width, height = int(said[b"width"]), int(said[b"height"])
        animals = said[b"animals"].decode().split()
    found = {}
    rows = pq.read_table(path, filters=here)
    for frame, labels, lengths in zip(*(rows[c].to_pylist() for c in ("frame", "labels", "lengths")), strict=True):
        image = np.repeat(np.asarray(labels, np.uint8), lengths).reshape(height, width)
        for number in np.unique(image[image > 0]).tolist():
            found[frame, animals[number - 1]] = Rle.encode(image == number)
    return found
