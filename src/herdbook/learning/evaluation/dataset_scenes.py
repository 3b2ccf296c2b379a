"""Sequences with truth from a frozen dataset: the clips that it kept of the side that is judged by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa

from herdbook.contracts.camera import Camera
from herdbook.contracts.digest import sha256_of
from herdbook.contracts.ethogram import load_ethogram
from herdbook.edge.config import DeviceCamera, DeviceConfig
from herdbook.errors import EmptyDatasetError
from herdbook.learning.datasets.plan import Split
from herdbook.learning.datasets.reading import Dataset
from herdbook.learning.evaluation.annotated import Spell
from herdbook.learning.evaluation.scenes import Scene, Truth
from herdbook.learning.formats.tracks import Tracks

SIDES = (Split.TEST, Split.VALIDATION)
"""Who has no test side is judged on the validation side."""


def dataset_scenes(folder: Path) -> list[Scene]:
    """Labelled clips of the test side, in the order of their ids; of the validation side where there are none.

    Raises:
        EmptyDatasetError: neither side has one.
        FileFormatError, NotFoundError: it is no dataset, or was altered.
    """
    data = Dataset(folder)
    for side in SIDES:
        scenes = [
            _scene(data, clip, labels)
            for clip, labels in data.sequences(side)
            if clip["file"] is not None and clip["camera"] is not None and len(labels)
        ]
        if scenes:
            return sorted(scenes, key=lambda scene: scene.sequence_id)
    raise EmptyDatasetError(
        f"{folder} holds no labelled clip to judge by",
        "Build it with keep_clips, from clips whose labels tell who is where, and with a test or validation side.",
    )


def _scene(data: Dataset, clip: dict[str, Any], labels: pa.Table) -> Scene:
    path, ethogram = data.folder / clip["file"], data.manifest.plan.ethogram
    camera = Camera.model_validate_json(clip["camera"])
    # A dataset does not say in which zone its farms are: days and hours are told in UTC here.
    config = DeviceConfig(
        device_id=clip["device_id"],
        farm_id=clip["site"],
        timezone="UTC",
        cameras=(DeviceCamera(**camera.model_dump(), source=str(path)),),
    )
    return Scene(
        sequence_id=f"{clip['site']}/{clip['device_id']}/{clip['day']}/{Path(clip['clip']).stem}",
        clip=path,
        start=clip["started_at"],
        day=clip["started_at"].date(),
        config=config,
        ethogram_id=ethogram,
        read_truth=_reader(path, labels, camera.fps),
        species=load_ethogram(ethogram).species,
    )


def _reader(path: Path, labels: pa.Table, fps: float) -> Callable[[], Truth]:
    def read() -> Truth:
        known = labels.filter(labels["animal"].is_valid())
        rects = [known[name].to_numpy() for name in ("x", "y", "width", "height")]
        tracks = Tracks.checked(
            str(path), known["frame"].to_numpy(), known["animal"].to_pylist(), list(zip(*rects, strict=True))
        )
        return Truth(tracks, tuple(_spells(known, fps)), sha256_of(path))

    return read


def _spells(known: pa.Table, fps: float) -> Iterator[Spell]:
    """Runs of frames in which an animal does the same."""
    rows = known.select(["animal", "frame", "behaviour"]).sort_by([("animal", "ascending"), ("frame", "ascending")])
    for (animal, behaviour), run in groupby(rows.to_pylist(), lambda row: (row["animal"], row["behaviour"])):
        if behaviour is not None:
            frames = [row["frame"] for row in run]
            yield Spell(animal, (frames[0] - 1) / fps, frames[-1] / fps, behaviour)
