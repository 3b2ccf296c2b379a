"""Read archived footage again with another release, and load it as what it is: a reading made here.

A day is recorded by the device's own recorder from links to its footage, in a folder below ``<home>/readings`` that
stays until the reading is in the lake: killed, the next run begins the day again, or only loads what was recorded. Its
records pass the checks that every device's do.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from herdbook.contracts.device_day import parse_manifest
from herdbook.contracts.digest import sha256_of
from herdbook.contracts.durable import disk_full_is_said, make_folder, write_durably
from herdbook.contracts.landed_day import MARKER, LandedDay, Landing, read_landed_day
from herdbook.contracts.records import RecordKind
from herdbook.edge.prepare import link_or_copy
from herdbook.edge.recorder import record_day
from herdbook.errors import IntegrityError
from herdbook.ingest.verify import verify_records
from herdbook.lake.lockfile import held
from herdbook.lake.readings import Reading, load_reading, read_clips
from herdbook.learning.archive import ArchivedDay, archived_days
from herdbook.learning.evaluation.predictions import Engine
from herdbook.settings import Settings

Progress = Callable[[str, int, int], None]
"""Told what is being done, how many seconds of footage of it are done, and of how many."""


@dataclass(frozen=True)
class Read:
    """A device day that a release has read now."""

    device_id: str
    day: date
    release_id: str
    clips: int
    seconds: int
    """Of footage."""
    tracklets: int
    load_id: str


def pending_days(
    settings: Settings,
    engine: Engine,
    *,
    device_id: str | None = None,
    since: date | None = None,
    until: date | None = None,
) -> list[ArchivedDay]:
    """Device days with footage that a release has not read, oldest first. Footage that expired since is no news.

    Raises:
        NotInitialisedError: there is no ledger or lake.
        ConfigurationError: the lake knows another release of this name.
    """
    done = read_clips(settings, engine.release, engine.digest)
    days = archived_days(settings, device_id=device_id, since=since, until=until)
    return [day for day in days if {clip.sha256 for clip in day.clips} - set(done.get((day.device_id, day.day), ()))]


def reprocess_day(settings: Settings, engine: Engine, day: ArchivedDay, progress: Progress = lambda *_: None) -> Read:
    """Read a device day's footage and load what the release saw.

    Args:
        settings: where footage and lake are.
        engine: the release.
        day: what of it is here.
        progress: told the seconds of footage that are done.

    Raises:
        ConfigurationError: the release's engine cannot be made, or the lake knows another release of this name.
        IntegrityError: footage is not what was archived, or the release made rows that no device may send; nothing
            was loaded.
        LakeBusyError: another process reads the same day.
        DiskFullError, StorageError: see the message; the next call goes on.
    """
    name = f"{engine.release.release_id}-{engine.digest[:12]}"
    work = settings.home / "readings" / name / day.device_id / day.day.isoformat()
    busy = f"another process reads {day.device_id} {day.day} with {engine.release.release_id}"
    with held(make_folder(work.parent) / f".{day.day}.lock", time.monotonic(), busy), disk_full_is_said(work):
        _require_unharmed(day)
        sources = _linked(day, work / "footage")
        config = engine.configure(day.config(sources))
        label = f"{day.device_id} {day.day}"
        total = round(sum(clip.seconds for clip in day.clips))
        progress(label, 0, total)
        seconds: dict[str, float] = {}

        def advance(camera: str, done: float, _: float) -> None:
            seconds[camera] = done
            progress(label, min(round(sum(seconds.values())), total), total)

        issued = record_day(config, work, day.day, final=True, progress=advance)
        landed = _checked(issued.folder)
        clips = tuple(clip.sha256 for clip in day.clips)
        load_id = load_reading(settings, landed, Reading(engine.digest, day.load_id, clips))
        shutil.rmtree(work)
    return Read(
        day.device_id,
        day.day,
        engine.release.release_id,
        len(clips),
        total,
        landed.landing.rows[RecordKind.TRACKLET],
        load_id,
    )


def _require_unharmed(day: ArchivedDay) -> None:
    """A reading names its clips by their digests, and they are not read again: damage would pass for an empty pen."""
    for clip in day.clips:
        if sha256_of(clip.path) != clip.sha256:
            raise IntegrityError(
                f"the footage '{clip.name}' of {day.device_id} {day.day} is no longer what was archived",
                f"Nothing was loaded. Check the disk. Bring back {clip.path}, or delete it: the rest is then read.",
            )


def _linked(day: ArchivedDay, folder: Path) -> dict[str, Path]:
    """A folder of clips for each camera."""
    sources: dict[str, Path] = {}
    for clip in day.clips:
        sources[clip.camera_id] = make_folder(folder / clip.camera_id)
        target = sources[clip.camera_id] / clip.name
        if not target.exists():
            link_or_copy(clip.path, target)
    return sources


def _checked(issued: Path) -> LandedDay:
    """An issued day as a landed one, if every row of it is as a device's must be."""
    manifest = parse_manifest((issued / "manifest.json").read_bytes())
    verified = verify_records(manifest, issued)
    if verified.findings:
        found = verified.findings[0]
        kind = found.error if issubclass(found.error, IntegrityError) else IntegrityError
        raise kind(
            f"release '{manifest.releases[0].release_id}' made rows that no device may send: {found.message}",
            "Nothing was loaded. This is a fault of the release: do not promote it.",
        )
    files = {kind: manifest.record_file(kind) for kind in RecordKind}
    landing = Landing(
        manifest_sha256=sha256_of(issued / "manifest.json"),
        records={kind: file.name for kind, file in files.items()},
        sha256={kind: file.sha256 for kind, file in files.items()},
        rows={kind: file.rows or 0 for kind, file in files.items()},
        quarantined_rows=0,
    )
    write_durably(issued / MARKER, landing.model_dump_json(indent=1).encode())
    return read_landed_day(issued)
