"""Footage that is still here, by device and day, with the cameras as they were set up then.

What re-reads footage begins here: `review` asks the teacher about some of it, `reprocess` another release about all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from sqlalchemy import select

from herdbook.contracts.camera import Camera
from herdbook.edge.config import DeviceCamera, DeviceConfig
from herdbook.lake.attach import open_lake
from herdbook.ledger.models import ClipState, FootageClip
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings

_CAMERAS = """
SELECT d.device_id, d.day, d.farm_id, d.timezone, d.load_id, s.setup
FROM device_day AS d JOIN record.camera_setup AS s USING (load_id)
WHERE (?::VARCHAR IS NULL OR d.device_id = ?) AND (?::DATE IS NULL OR d.day >= ?) AND (?::DATE IS NULL OR d.day <= ?)
ORDER BY d.day, d.device_id, s.camera_id
"""


@dataclass(frozen=True)
class ArchivedClip:
    """A clip as ingest keeps it; the device's own boxes lie beside it."""

    name: str
    path: Path
    sha256: str
    camera_id: str
    started_at: datetime
    ended_at: datetime

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.ended_at - self.started_at).total_seconds()


@dataclass(frozen=True)
class ArchivedDay:
    """The clips of one device for one farm-local day, and what the day's current load says of device and cameras."""

    device_id: str
    day: date
    farm_id: str
    timezone: str
    load_id: str
    cameras: tuple[Camera, ...]
    clips: tuple[ArchivedClip, ...]

    def config(self, sources: Mapping[str, Path]) -> DeviceConfig:
        """The device as it was, looking at these sources by camera; cameras without one are left out."""
        cameras = tuple(
            DeviceCamera(**camera.model_dump(), source=str(sources[camera.camera_id]))
            for camera in self.cameras
            if camera.camera_id in sources
        )
        return DeviceConfig(device_id=self.device_id, farm_id=self.farm_id, timezone=self.timezone, cameras=cameras)


def archived_days(
    settings: Settings, *, device_id: str | None = None, since: date | None = None, until: date | None = None
) -> list[ArchivedDay]:
    """Loaded device days of which footage is here, oldest first.

    Args:
        settings: where ledger, lake and footage are.
        device_id: only this device.
        since: first day.
        until: last day.

    Raises:
        NotInitialisedError: there is no ledger or lake.
    """
    clips = _clips(settings, device_id, since, until)
    with open_lake(settings, read_only=True) as lake:
        rows = lake.execute(_CAMERAS, [device_id, device_id, since, since, until, until]).fetchall()
    cameras: dict[tuple[str, date, str, str, str], list[Camera]] = {}
    for *place, setup in rows:
        device, day, farm, timezone, load_id = place
        key = (device, day, farm, timezone, load_id)
        cameras.setdefault(key, []).append(Camera.model_validate_json(setup))
    return [
        ArchivedDay(*key, cameras=tuple(known), clips=tuple(clips[key[:2]]))
        for key, known in cameras.items()
        if key[:2] in clips
    ]


def _clips(
    settings: Settings, device_id: str | None, since: date | None, until: date | None
) -> dict[tuple[str, date], list[ArchivedClip]]:
    """Kept clips by device and day; of a clip that several revisions have the newest."""
    query = select(FootageClip).where(FootageClip.state == ClipState.KEPT).order_by(FootageClip.revision)
    if device_id is not None:
        query = query.where(FootageClip.device_id == device_id)
    query = query.where(FootageClip.day.between(since or date.min, until or date.max))
    with ledger_session(settings) as session:
        newest = {(row.device_id, row.day, row.name): row for row in session.scalars(query)}
    found: dict[tuple[str, date], list[ArchivedClip]] = {}
    for (device, day, name), row in sorted(newest.items(), key=lambda item: (item[0][:2], item[1].started_at, item[0])):
        path = settings.footage / str(row.path)
        if path.is_file():
            clip = ArchivedClip(name, path, row.sha256, row.camera_id, row.started_at, row.ended_at)
            found.setdefault((device, day), []).append(clip)
    return found
