"""What an engine says of a scene: the recorder's own record files, kept by the digest of all that they depend on."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from herdbook.contracts.device_day import FileKind, ReleaseUse, parse_manifest
from herdbook.contracts.digest import sha256_of
from herdbook.contracts.durable import disk_full_is_said, fsync_path, make_folder, replace_durably
from herdbook.contracts.records import RecordKind
from herdbook.edge.config import MOTION_RELEASE, DeviceConfig
from herdbook.edge.recorder import record_day
from herdbook.learning.evaluation.annotated import Spell
from herdbook.learning.evaluation.matching import match
from herdbook.learning.evaluation.reid import Moments, no_moments
from herdbook.learning.evaluation.scenes import Scene
from herdbook.learning.formats.tracks import Tracks

_BOXES = "boxes.parquet"
_RUN = "run.json"
_CODE = ("edge", "contracts")
_LONGEST_S = 3600.0


@dataclass(frozen=True)
class Engine:
    """A release as a device would run it.

    ``settings`` are further keys of ``device.yaml``; ``models`` are the files it loads, which make it what it is;
    ``network`` is the folder in which a learned engine finds them, which does not.
    """

    release: ReleaseUse = MOTION_RELEASE
    settings: Mapping[str, Any] = field(default_factory=dict)
    models: tuple[Path, ...] = ()
    network: Path | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of the release, its settings and its files: what a report and a registered version are of."""
        files = [sha256_of(path) for path in self.models]
        settings = json.loads(json.dumps(self.settings, sort_keys=True, default=_plain))
        return _sha256({"release": self.release.model_dump(mode="json"), "settings": settings, "models": files})

    def configure(self, config: DeviceConfig) -> DeviceConfig:
        """A device's configuration, with this engine on it."""
        mine = {"release": self.release, "network": self.network, "clip_s": _LONGEST_S}
        return config.model_copy(update=mine | dict(self.settings))


class Look(NamedTuple):
    """An embedding: of which tracklet, how many seconds after the first frame, and [D] as it was before int8."""

    tracklet: str
    seconds: float
    vector: NDArray[np.float64]


class Prediction:
    """One scene as an engine saw it."""

    def __init__(self, folder: Path, scene: Scene) -> None:
        self._folder, self._start = folder, scene.start
        run = json.loads((folder / _RUN).read_text(encoding="utf-8"))
        self.frames = int(run["frames"])
        self.seconds = float(run["seconds"])
        """What recording took here, decoding included."""

    def tracks(self) -> Tracks:
        """Boxes of tracklets, frames from 1."""
        table = pq.read_table(self._folder / _BOXES)
        rects = np.column_stack([table[name].to_numpy() for name in ("x", "y", "width", "height")])
        return Tracks.checked(
            str(self._folder / _BOXES), table["frame"].to_numpy(), table["tracklet_id"].to_pylist(), rects
        )

    def spells(self) -> Iterator[Spell]:
        """Bouts of tracklets."""
        for row in self._records(RecordKind.BOUT):
            begin, end = self._since(row["started_at"]), self._since(row["ended_at"])
            yield Spell(row["tracklet_id"], begin, end, row["behaviour"], row["probability"])

    def looks(self) -> list[Look]:
        """Embeddings of tracklets."""
        return [
            Look(row["tracklet_id"], self._since(row["at"]), np.array(row["vector"], np.float64) * row["scale"])
            for row in self._records(RecordKind.EMBEDDING)
        ]

    def moments(self, truth: Tracks, fps: float, iou: float) -> Moments:
        """Embeddings of tracklets that lie on a true animal at their instant, by that animal's name."""
        own = self.tracks()
        names, vectors = [], []
        for row in self._records(RecordKind.EMBEDDING):
            frame = round(self._since(row["at"]) * fps) + 1
            mine, true = own.frames == frame, truth.frames == frame
            partner = match(truth.boxes[true], own.boxes[mine], iou)
            tracklets = [own.names[k] for k in own.ids[mine]]
            for animal, at in zip(truth.ids[true], partner, strict=True):
                if at >= 0 and tracklets[at] == row["tracklet_id"]:
                    names.append(truth.names[animal])
                    vectors.append(np.array(row["vector"], np.float32) * row["scale"])
        return Moments(tuple(names), np.stack(vectors)) if names else no_moments()

    def _records(self, kind: RecordKind) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = pq.read_table(self._folder / f"{kind.value}.parquet").to_pylist()
        return rows

    def _since(self, moment: datetime) -> float:
        return (moment - self._start).total_seconds()


def predict(scene: Scene, engine: Engine, cache_folder: Path) -> Prediction:
    """Run the recorder over a scene's clip, unless that was done with the same clip, engine and code.

    Raises:
        DiskFullError: no space is left for the cache.
        VideoSourceError: the clip is not there.
    """
    config = engine.configure(scene.config)
    target = cache_folder / _key(scene, config, engine)
    if not target.is_dir():
        make_folder(cache_folder)
        with disk_full_is_said(cache_folder), tempfile.TemporaryDirectory(dir=cache_folder, prefix=".part-") as part:
            began = time.perf_counter()
            issued = record_day(config, Path(part), scene.day, start=scene.start)
            seconds = time.perf_counter() - began
            _keep(issued.folder, Path(part) / "kept", {"frames": issued.frames, "seconds": seconds})
            try:
                replace_durably(Path(part) / "kept", target)
            except OSError:
                if not target.is_dir():  # another process was faster
                    raise
    return Prediction(target, scene)


def _keep(day: Path, folder: Path, run: dict[str, Any]) -> None:
    """The record files of an issued day, without its footage."""
    folder.mkdir()
    manifest = parse_manifest((day / "manifest.json").read_bytes())
    for file in manifest.files:
        if file.kind is not FileKind.CLIP:
            name = _BOXES if file.kind is FileKind.BOXES else f"{file.kind.value}.parquet"
            shutil.move(day / file.name, folder / name)
    (folder / _RUN).write_text(json.dumps(run), encoding="utf-8")
    for path in folder.iterdir():
        fsync_path(path)


def _key(scene: Scene, config: DeviceConfig, engine: Engine) -> str:
    background = scene.camera.background
    said = config.model_dump(mode="json", exclude={"network"})  # the engine's digest is of what lies in it
    for camera in said["cameras"]:
        camera["source"] = sha256_of(scene.clip)
        camera["background"] = sha256_of(background) if background else None
    parts = {"config": said, "start": scene.start.isoformat(), "engine": engine.digest, "code": code_digest()}
    return _sha256(parts)


@cache
def code_digest() -> str:
    """SHA-256 of the code that makes predictions: the device's, and the networks."""
    found = hashlib.sha256()
    folders = [Path(str(resources.files("herdbook"))) / name for name in _CODE]
    folders.append(Path(str(resources.files("herdnet"))))
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".py", ".yaml"):
                found.update(f"{path.relative_to(folder)}\0".encode())
                found.update(path.read_bytes())
    return found.hexdigest()


def _sha256(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _plain(value: object) -> object:
    dump = getattr(value, "model_dump", None)
    return dump(mode="json") if dump else str(value)
