"""Which footage a camera has for a day, and what is known of the times it has none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from herdbook.contracts import farmtime
from herdbook.contracts.farmtime import DayExtent
from herdbook.edge import video
from herdbook.edge.clips import SourceClip, clips_in_folder, start_from_name
from herdbook.edge.config import DeviceCamera, DeviceConfig
from herdbook.edge.coverage import Spell
from herdbook.edge.spool import read_gaps, spool_folder
from herdbook.errors import ConfigurationError, VideoSourceError


@dataclass(frozen=True)
class CameraPlan:
    """A camera's clips of a day, in the order of time, and spells that are known to have none."""

    camera: DeviceCamera
    clips: tuple[SourceClip, ...]
    gaps: tuple[Spell, ...] = ()


def plan_camera(
    camera: DeviceCamera, config: DeviceConfig, root: Path, day: date, start: datetime | None = None
) -> CameraPlan:
    """The footage of a camera for a farm-local day.

    Args:
        start: instant of the first frame where the source is one plain file. Without it the file's name
            says it (see `clips`), or else it is noon on the farm.

    Raises:
        VideoSourceError: the file or folder is not there.
    """
    extent = farmtime.day_extent(day, config.timezone)
    if camera.is_live:
        folder = spool_folder(root, camera.camera_id)
        clips = clips_in_folder(folder) if folder.is_dir() else []
        return CameraPlan(camera, _of_day(clips, extent), tuple(read_gaps(folder)))
    path = Path(camera.source)
    if path.is_dir():
        return CameraPlan(camera, _of_day(clips_in_folder(path), extent))
    if not path.is_file():
        raise VideoSourceError(f"camera '{camera.camera_id}': {path} is neither a file nor a folder")
    begins = start or start_from_name(path) or noon(day, config.timezone)
    return CameraPlan(camera, _of_day([SourceClip(path, begins)], extent))


def days_of(config: DeviceConfig, root: Path) -> list[date]:
    """The farm-local days of which clips, by their names and lengths, have footage.

    Raises:
        ConfigurationError: no name says a day.
    """
    days: set[date] = set()
    for camera in config.cameras:
        path = spool_folder(root, camera.camera_id) if camera.is_live else Path(camera.source)
        named = start_from_name(path)
        clips = clips_in_folder(path) if path.is_dir() else [SourceClip(path, named)] if named else []
        begun = {farmtime.local_day(clip.start, config.timezone) for clip in clips}
        after = {day + timedelta(days=1) for day in begun} - begun
        days |= begun | {day for day in after if _of_day(clips, farmtime.day_extent(day, config.timezone))}
    if not days:
        raise ConfigurationError("no clip's name says which day it is of", "Name the day with --day YYYY-MM-DD.")
    return sorted(days)


def noon(day: date, timezone: str) -> datetime:
    """12:00 on the farm."""
    return datetime.combine(day, time(12), farmtime.zone(timezone)).astimezone(UTC)


def _of_day(clips: Sequence[SourceClip], extent: DayExtent) -> tuple[SourceClip, ...]:
    """Clips that start in the day, and the last one before it if it reaches into it."""
    chosen = [clip for clip in clips if extent.start <= clip.start < extent.end]
    earlier = [clip for clip in clips if clip.start < extent.start]
    if earlier:
        try:
            length = timedelta(seconds=video.probe(earlier[-1].path).duration_s)
        except VideoSourceError:
            length = timedelta(0)
        if earlier[-1].start + length > extent.start:
            chosen.insert(0, earlier[-1])
    return tuple(chosen)
