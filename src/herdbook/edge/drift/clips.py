"""Which of a device's own clips two releases are compared on: recent ones, spread over cameras and hours."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import AwareDatetime

from herdbook.contracts.camera import Contract
from herdbook.contracts.device_day import FileKind
from herdbook.contracts.farmtime import zone
from herdbook.contracts.identifiers import Slug
from herdbook.edge.clips import clip_name, clips_in_folder
from herdbook.edge.config import DeviceConfig
from herdbook.edge.days import DayStore
from herdbook.edge.drift.limits import DriftLimits
from herdbook.edge.spool import spool_folder

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
"""`herdbook.contracts.identifiers.FileName`: people may call their clips anything."""
_LONGEST = 127


class RecentClip(Contract):
    """A clip that the device still has."""

    camera_id: Slug
    path: Path
    started_at: AwareDatetime

    @property
    def name(self) -> str:
        """The file's name, or where that is none for a wire the one that the recorder would give it."""
        plain = len(self.path.name) <= _LONGEST and _PLAIN.fullmatch(self.path.name)
        return self.path.name if plain else clip_name(self.camera_id, self.started_at)


def recent_clips(config: DeviceConfig, root: Path, limits: DriftLimits | None = None) -> list[RecentClip]:
    """Clips to compare releases on, in the order of camera and time; the same for the same footage.

    Args:
        config: the device; its cameras' clips count, others do not.
        root: its folder.
        limits: how many, and how old.

    Returns:
        At most ``limits.clips``; none where the platform has taken all footage and the device kept none.
    """
    limits = limits or DriftLimits()
    found = _distinct([*_of_days(config, root), *_of_sources(config, root)])
    newest = max((clip.started_at for clip in found), default=None)
    if newest is None:
        return []
    recent = [clip for clip in found if newest - clip.started_at < timedelta(days=limits.days)]
    return spread(recent, limits.clips, config.timezone)


def spread(clips: Sequence[RecentClip], count: int, timezone: str) -> list[RecentClip]:
    """Some of many: each next one from the camera that has fewest yet, at the farm-local hour that it has fewest of,
    and of those the newest."""
    farm = zone(timezone)
    left = sorted(clips, key=lambda clip: (clip.started_at, clip.camera_id), reverse=True)
    cameras: Counter[str] = Counter()
    hours: Counter[tuple[str, int]] = Counter()
    chosen: list[RecentClip] = []
    while left and len(chosen) < count:
        best = min(left, key=lambda clip: (cameras[clip.camera_id], hours[_place(clip, farm)]))
        left.remove(best)
        cameras[best.camera_id] += 1
        hours[_place(best, farm)] += 1
        chosen.append(best)
    return sorted(chosen, key=lambda clip: (clip.camera_id, clip.started_at))


def _place(clip: RecentClip, farm: object) -> tuple[str, int]:
    local: datetime = clip.started_at.astimezone(farm)  # type: ignore[arg-type]
    return clip.camera_id, local.hour


def _of_days(config: DeviceConfig, root: Path) -> Iterator[RecentClip]:
    """Of issued days, what was not freed yet."""
    store = DayStore(root)
    known = {camera.camera_id for camera in config.cameras}
    for stored in filter(None, map(store.latest, store.all_days())):
        for file in stored.manifest.of_kind(FileKind.CLIP):
            path = stored.path_of(file)
            if file.camera_id in known and file.started_at is not None and path.is_file():
                yield RecentClip(camera_id=file.camera_id, path=path.absolute(), started_at=file.started_at)


def _of_sources(config: DeviceConfig, root: Path) -> Iterator[RecentClip]:
    """What cameras left in their folders, and live ones in the spool."""
    for camera in config.cameras:
        folder = spool_folder(root, camera.camera_id) if camera.is_live else Path(camera.source)
        for clip in clips_in_folder(folder) if folder.is_dir() else ():
            yield RecentClip(camera_id=camera.camera_id, path=clip.path.absolute(), started_at=clip.start)


def _distinct(clips: Iterable[RecentClip]) -> list[RecentClip]:
    """One clip per camera and second: an issued day's clips are mostly other names of the source's."""
    found: dict[tuple[str, datetime], RecentClip] = {}
    for clip in clips:
        found.setdefault((clip.camera_id, clip.started_at.replace(microsecond=0)), clip)
    return list(found.values())
