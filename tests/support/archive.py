"""A day of a simulated farm as a night leaves it: recorded, landed, loaded, its footage kept."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import numpy as np

from herdbook.contracts.device_day import FileKind, parse_manifest
from herdbook.edge.config import read_device_config
from herdbook.edge.recorder import record_day
from herdbook.fleet import inventory
from herdbook.lake.load import load_device_day
from herdbook.lake.migrate import migrate
from herdbook.learning.archive import ArchivedDay
from herdbook.learning.datasets.clips import Clip
from herdbook.learning.datasets.farm_folder import SimulatorTruth, farm_folders
from herdbook.learning.datasets.video import index_frames, read_frames
from herdbook.learning.pixels import Image, frame_id
from herdbook.learning.review.disagree import Mask
from herdbook.ledger.days import set_day
from herdbook.ledger.migrate import upgrade
from herdbook.ledger.models import ClipState, DayState, FootageClip
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings
from support.device_day import land

DAY = date(2026, 3, 2)


def archive(settings: Settings, farm: Path, days: tuple[date, ...] = (DAY,)) -> str:
    """Record, land and load the days of a farm's first device; returns the device."""
    migrate(settings)
    upgrade(settings)
    device = min((farm / "devices").iterdir())
    config = read_device_config(device / "device.yaml")
    inventory.enrol(
        settings,
        config.device_id,
        farm_id=config.farm_id,
        url="https://x",
        timezone=config.timezone,
        token=config.device_id.ljust(64, "t"),
    )
    for day in days:
        issued = record_day(config, settings.home / "device" / config.device_id, day, final=True)
        load_device_day(settings, land(settings.landing, issued.folder))
        keep(settings, issued.folder)
    return config.device_id


def keep(settings: Settings, issued: Path) -> None:
    """Footage and the device's boxes where ingest keeps them, and in the ledger."""
    manifest = parse_manifest((issued / "manifest.json").read_bytes())
    key = (manifest.device_id, manifest.day, manifest.revision)
    folder = settings.footage / key[0] / key[1].isoformat() / f"r{key[2]}"
    folder.mkdir(parents=True)
    for file in manifest.files:
        if file.kind in (FileKind.CLIP, FileKind.BOXES):
            shutil.copy(issued / file.name, folder)
    with ledger_session(settings) as session:
        set_day(session, key, sha256="0" * 64, final=True, state=DayState.LOADED)
        session.flush()
        for clip in manifest.of_kind(FileKind.CLIP):
            session.add(
                FootageClip(
                    device_id=key[0],
                    day=key[1],
                    revision=key[2],
                    name=clip.name,
                    sha256=clip.sha256,
                    camera_id=clip.camera_id,
                    started_at=clip.started_at,
                    ended_at=clip.ended_at,
                    bytes=clip.bytes,
                    worth=0.5,
                    path=str((folder / clip.name).relative_to(settings.footage)),
                    state=ClipState.KEPT,
                )
            )


class Truth:
    """A teacher that knows: masks of every frame of a day by its pixels."""

    name = "truth"

    def __init__(self, farm: Path, day: ArchivedDay) -> None:
        source = SimulatorTruth(farm_folders(farm))
        self._masks: dict[str, list[Mask]] = {}
        self.asked: list[str] = []
        for kept in day.clips:
            clip = Clip(
                day.farm_id,
                day.device_id,
                kept.camera_id,
                day.day,
                kept.name,
                kept.path,
                kept.sha256,
                kept.started_at,
                kept.ended_at,
                frozenset(),
            )
            said = source.of_clip(clip)
            assert said is not None, "the clip has a truth"
            index = index_frames(kept.path)
            for frame, image in read_frames(kept.path, index, index.stamps):
                shapes = [shape.pixels(*image.shape[:2]) for shape in said[frame]]
                self._masks[frame_id(image)] = [mask for mask in shapes if mask is not None]

    def find(self, image: Image) -> list[Mask]:
        """The animals of a frame."""
        self.asked.append(frame_id(image))
        return [np.array(mask) for mask in self._masks[frame_id(image)]]
