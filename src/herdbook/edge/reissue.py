"""Issuing a day again with a higher revision: the same files where they are sound, otherwise recorded anew."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from herdbook.contracts.device_day import DayFile, FileKind, Manifest
from herdbook.contracts.digest import sha256_of
from herdbook.contracts.durable import disk_full_is_said
from herdbook.edge import revision
from herdbook.edge.config import DeviceConfig
from herdbook.edge.days import DayStore, StoredDay
from herdbook.edge.plan import plan_camera
from herdbook.edge.prepare import link_or_copy
from herdbook.edge.recorder import Issued, Progress, issue_day
from herdbook.errors import NotFoundError, VideoSourceError


def reissue_day(
    config: DeviceConfig, root: Path, day: date, *, now: datetime | None = None, progress: Progress | None = None
) -> Issued:
    """Issue a day again, also while a recorder is at work and while the agent frees what it may.

    Args:
        now: the present, for tests.

    Raises:
        NotFoundError: the device never had the day, or it is damaged or freed and its footage is gone.
        DiskFullError: no space is left.
    """
    store = DayStore(root)
    latest = store.latest(day)
    if latest is not None:
        issued = _same_files_again(store, latest, now or datetime.now(UTC))
        if issued is not None:
            return issued
    if not _has_footage(config, root, day):
        state = "was never recorded" if latest is None else "is damaged or freed"
        raise NotFoundError(
            f"the day {day} {state}, and its footage is no longer on the device",
            "What the platform has of it stays as it is.",
        )
    return issue_day(config, root, day, now=now, again=True, progress=progress)


def _has_footage(config: DeviceConfig, root: Path, day: date) -> bool:
    try:
        return any(plan_camera(camera, config, root, day).clips for camera in config.cameras)
    except VideoSourceError:
        return False


def _same_files_again(store: DayStore, latest: StoredDay, now: datetime) -> Issued | None:
    """The same files under a new number; none where one of them is gone or damaged."""
    old = latest.manifest

    def describe_day(number: int) -> Manifest:
        return Manifest.model_validate(old.model_dump() | {"revision": number, "issued_at": now})

    with revision.draft(store, old.day) as folder:
        # Linked first, looked at then: a file with a second name cannot be freed meanwhile.
        if not all(_bring(latest.path_of(file), folder / file.name, file) for file in old.files):
            return None
        inputs = revision.read_inputs(latest.folder) or {}
        manifest, target = revision.publish(folder, store, old.day, describe_day, inputs)
    clips = len(manifest.of_kind(FileKind.CLIP))
    return Issued(old.day, manifest.revision, "issued", old.final, target, clips=clips)


def _bring(source: Path, target: Path, file: DayFile) -> bool:
    """Give a file a second name; whether it is there with its own bytes."""
    try:
        with disk_full_is_said(target):
            link_or_copy(source, target)
    except FileNotFoundError:
        return False
    return target.stat().st_size == file.bytes and sha256_of(target) == file.sha256
