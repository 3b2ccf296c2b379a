"""Issuing a day again with a higher revision: the same files where they are sound, otherwise recorded anew."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from herdbook.contracts.device_day import FileKind, Manifest
from herdbook.edge import revision
from herdbook.edge.config import DeviceConfig
from herdbook.edge.days import DayStore, StoredDay
from herdbook.edge.plan import plan_camera
from herdbook.edge.prepare import link_or_copy
from herdbook.edge.recorder import Issued, Progress, alone, record_day
from herdbook.errors import NotFoundError, VideoSourceError


def reissue_day(
    config: DeviceConfig, root: Path, day: date, *, now: datetime | None = None, progress: Progress | None = None
) -> Issued:
    """Issue a day again.

    Args:
        now: the present, for tests.

    Raises:
        NotFoundError: the device never had the day, or it is damaged or freed and its footage is gone.
    """
    store = DayStore(root)
    latest = store.latest(day)
    if latest is not None and _sound(latest):
        with alone(root):
            return _same_files_again(store, latest, now or datetime.now(UTC))
    if not _has_footage(config, root, day):
        state = "was never recorded" if latest is None else "is damaged or freed"
        raise NotFoundError(
            f"the day {day} {state}, and its footage is no longer on the device",
            "What the platform has of it stays as it is.",
        )
    return record_day(config, root, day, now=now, again=True, progress=progress)


def _sound(stored: StoredDay) -> bool:
    """Whether every file is there with its own bytes."""
    return all(
        stored.path_of(file).is_file()
        and stored.path_of(file).stat().st_size == file.bytes
        and revision.sha256_of(stored.path_of(file)) == file.sha256
        for file in stored.manifest.files
    )


def _has_footage(config: DeviceConfig, root: Path, day: date) -> bool:
    try:
        return any(plan_camera(camera, config, root, day).clips for camera in config.cameras)
    except VideoSourceError:
        return False


def _same_files_again(store: DayStore, latest: StoredDay, now: datetime) -> Issued:
    old = latest.manifest
    number = store.next_revision(old.day)
    manifest = Manifest.model_validate(old.model_dump() | {"revision": number, "issued_at": now})
    with revision.draft(store, old.day) as folder:
        for file in old.files:
            link_or_copy(latest.path_of(file), folder / file.name)
        target = revision.publish(folder, store, manifest, revision.read_inputs(latest.folder) or {})
    clips = len(manifest.of_kind(FileKind.CLIP))
    return Issued(old.day, number, "issued", old.final, target, clips=clips)
