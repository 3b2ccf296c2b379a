"""Freeing acknowledged days. What the platform has not acknowledged is never deleted."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from herdbook.contracts.device_day import FileKind
from herdbook.contracts.durable import fsync_path
from herdbook.edge.clips import clips_in_folder
from herdbook.edge.config import DeviceConfig, Retention
from herdbook.edge.days import DayStore, StoredDay
from herdbook.edge.spool import spool_folder


def free_acknowledged(store: DayStore, root: Path, config: DeviceConfig, now: datetime) -> int:
    """Free every day whose newest revision was acknowledged long enough ago; returns bytes freed.

    Older revisions of such a day go too: the platform has the better one. Manifests and acknowledgements stay.
    """
    if config.retention.free == "nothing":
        return 0
    freed = 0
    for day in store.all_days():
        revisions = store.revisions(day)
        note = store.acknowledgement(revisions[-1])
        if note is None or now - note.acknowledged_at < timedelta(days=config.retention.after_days):
            continue
        for stored in revisions:
            freed += _free(stored, config.retention)
        if revisions[-1].manifest.final:
            freed += _free_spool(revisions[-1], root, config)
    return freed


def make_room(stored: StoredDay, retention: Retention) -> int:
    """Free a day that the platform just said it has, although no space is left to note that; returns bytes freed.

    Without this a full disk would stay full: days are freed once they are acknowledged, and a note takes a block.
    """
    return 0 if retention.free == "nothing" else _free(stored, retention)


def _free(stored: StoredDay, retention: Retention) -> int:
    freed = 0
    for file in stored.manifest.files:
        path = stored.path_of(file)
        if (retention.free == "files" or file.kind is FileKind.CLIP) and path.is_file():
            freed += path.stat().st_size
            path.unlink()
    if freed:
        fsync_path(stored.folder)
    return freed


def _free_spool(stored: StoredDay, root: Path, config: DeviceConfig) -> int:
    """Live footage of a final day; the day's own clips are other names of the same bytes."""
    freed = 0
    extent = stored.manifest.extent
    for camera in config.cameras:
        folder = spool_folder(root, camera.camera_id)
        if camera.is_live and folder.is_dir():
            for clip in clips_in_folder(folder):
                if extent.start <= clip.start < extent.end:
                    freed += clip.path.stat().st_size
                    clip.path.unlink()
    return freed
