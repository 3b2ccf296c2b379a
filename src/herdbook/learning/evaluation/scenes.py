"""Where sequences with truth come from: folders of ``herdbook simulate farm`` and ``suite``.

A folder counts by what lies in it: ``devices/<device>/device.yaml`` and ``truth/<device>/<day>/``; the layout is
described in `herdbook.simulate.run`. ``index.json`` above such folders says species, ethogram and conditions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from herdbook.contracts.digest import sha256_of
from herdbook.contracts.ethogram import load_ethogram
from herdbook.contracts.farmtime import local_day
from herdbook.edge import video
from herdbook.edge.clips import clips_in_folder
from herdbook.edge.config import DeviceCamera, DeviceConfig, read_device_config
from herdbook.errors import FileFormatError, NotFoundError
from herdbook.learning.evaluation.annotated import Annotated, Spell, annotate
from herdbook.learning.evaluation.sequences import Sequence, crowding_of
from herdbook.learning.formats.tracks import Tracks

_EXPECTED = "Make one with `herdbook simulate farm OUT` or `herdbook simulate suite hard-1 OUT`."


@dataclass(frozen=True)
class Truth:
    """What is true of one clip: tracks, and behaviours in seconds since its first frame."""

    tracks: Tracks
    spells: tuple[Spell, ...]
    sha256: str
    """Digest of the files it was read from."""

    def annotated(self, fps: float, classes: tuple[str, ...]) -> Annotated:
        """Boxes with behaviours by these classes."""
        return annotate(self.tracks, fps, self.spells, classes)


@dataclass(frozen=True)
class Scene:
    """One clip with its truth, ready to be shown to an engine."""

    sequence_id: str
    clip: Path
    start: datetime
    day: date
    config: DeviceConfig
    """The device as it was set up, with one camera whose source is the clip."""
    ethogram_id: str
    read_truth: Callable[[], Truth]
    species: str = "pig"
    light: str = "day"
    condition: str = "clear"
    severity: int = 0

    @property
    def camera(self) -> DeviceCamera:
        """The camera that took the clip."""
        return self.config.cameras[0]

    @property
    def behaviours(self) -> tuple[str, ...]:
        """What its animals may do."""
        return load_ethogram(self.ethogram_id).names

    def sequence(self, truth: Truth) -> Sequence:
        """What a report says of it."""
        return Sequence(
            sequence_id=self.sequence_id,
            farm=self.config.farm_id,
            pen=self.camera.pen_id,
            camera=self.camera.camera_id,
            day=self.day,
            seconds=video.probe(self.clip).duration_s,
            species=self.species,
            light=self.light,
            condition=self.condition,
            severity=self.severity,
            crowding=crowding_of(truth.tracks),
            truth_sha256=truth.sha256,
        )


def find_scenes(folder: Path) -> list[Scene]:
    """Every clip with truth in and below a folder, in the order of their ids.

    Raises:
        NotFoundError: there is none.
        FileFormatError: the index cannot be read.
    """
    folder = folder.absolute()
    farms = sorted({path.parents[2] for path in folder.glob("**/devices/*/device.yaml")})
    scenes = [scene for farm in farms for scene in _farm_scenes(farm, folder, _index_of(farm))]
    if not scenes:
        raise NotFoundError(f"{folder} holds no clip with truth", _EXPECTED)
    return sorted(scenes, key=lambda scene: scene.sequence_id)


def _farm_scenes(farm: Path, top: Path, index: dict[str, Any]) -> Iterator[Scene]:
    said = {clip["clip"]: clip.get("conditions", {}) for clip in index.get("clips", ())}
    where = farm.relative_to(top).as_posix()
    for file in sorted(farm.glob("devices/*/device.yaml")):
        config = read_device_config(file)
        for camera in config.cameras:
            for clip in clips_in_folder(Path(camera.source)):
                day = local_day(clip.start, config.timezone)
                truth = farm / "truth" / config.device_id / day.isoformat()
                if not truth.is_dir():
                    continue  # the day is not finished
                one = camera.model_copy(update={"source": str(clip.path)})
                conditions = said.get(clip.path.name, {})
                worst = max(conditions, key=lambda name: (conditions[name], name), default="clear")
                yield Scene(
                    sequence_id=clip.path.stem if where == "." else f"{where}/{clip.path.stem}",
                    clip=clip.path,
                    start=clip.start,
                    day=day,
                    config=config.model_copy(update={"cameras": (one,)}),
                    ethogram_id=index.get("ethogram_id", config.release.ethogram_id),
                    read_truth=_reader(truth, clip.path, clip.start),
                    species=index.get("species", load_ethogram(config.release.ethogram_id).species),
                    light="night" if conditions.get("night") else "day",
                    condition=worst,
                    severity=int(conditions.get(worst, 0)),
                )


def _index_of(farm: Path) -> dict[str, Any]:
    """What a suite's index says of a farm; empty where the farm is of none. The suite lies two or three folders up."""
    for above in farm.parents[:3]:
        path = above / "index.json"
        if path.is_file():
            try:
                scenes = json.loads(path.read_text(encoding="utf-8"))["scenes"]
                return next((scene for scene in scenes if above / scene["folder"] == farm), {})
            except (ValueError, KeyError, TypeError) as error:
                raise FileFormatError(f"{path} is not the index of a suite: {error!r}") from error
    return {}


def _reader(folder: Path, clip: Path, start: datetime) -> Callable[[], Truth]:
    def read() -> Truth:
        boxes = _boxes(folder / "boxes.parquet")
        mine = boxes.filter(pc.equal(boxes["clip"], clip.name))
        rects = [mine[name].to_numpy() for name in ("x", "y", "width", "height")]
        tracks = Tracks.checked(
            str(folder / "boxes.parquet"),
            mine["frame"].to_numpy(),
            mine["tracklet_id"].to_pylist(),
            list(zip(*rects, strict=True)),
        )
        digest = sha256_of(clip) + _digest(folder / "boxes.parquet") + _digest(folder / "behaviours.parquet")
        return Truth(tracks, tuple(_spells(folder / "behaviours.parquet", start)), _sha256(digest))

    return read


def _spells(path: Path, start: datetime) -> Iterator[Spell]:
    table = _behaviours(path)
    near = table.filter(
        pc.and_(
            pc.greater(table["ended_at"], pa.scalar(start, table["ended_at"].type)),
            pc.less(table["started_at"], pa.scalar(start + timedelta(hours=1), table["started_at"].type)),
        )
    )
    for row in near.to_pylist():
        begin, end = (row[name] - start for name in ("started_at", "ended_at"))
        yield Spell(row["animal_id"], begin.total_seconds(), end.total_seconds(), row["behaviour"])


@lru_cache(maxsize=2)
def _boxes(path: Path) -> pa.Table:
    return pq.read_table(path)


@lru_cache(maxsize=2)
def _behaviours(path: Path) -> pa.Table:
    return pq.read_table(path)


@lru_cache(maxsize=8)
def _digest(path: Path) -> str:
    return sha256_of(path)


def _sha256(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()
