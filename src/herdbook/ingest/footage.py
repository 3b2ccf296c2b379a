"""The second half of a day: all boxes, and the clips worth most within what they leave of the budget.

Boxes are small, tell what was seen in clips that nobody keeps, and may speak of many clips in one file: they all come.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from herdbook.contracts.device_day import DayFile, FileKind
from herdbook.contracts.digest import sha256_of
from herdbook.contracts.durable import make_folder
from herdbook.contracts.landed_day import LandedDay
from herdbook.errors import IntegrityError, StorageError, TransferCorruptError
from herdbook.ingest.boxes import BoxesCheck
from herdbook.ingest.client import AgentClient
from herdbook.ingest.clips import require_decodable
from herdbook.ingest.fetch import Wanted, fetch_all
from herdbook.ingest.files import link_durably, place
from herdbook.ingest.folders import DayFolders, require_space
from herdbook.ingest.land import tracks
from herdbook.ingest.meter import Meter
from herdbook.ingest.quarantine import enter
from herdbook.ingest.result import Finding
from herdbook.ingest.worth import Ranked, rank_clips, within_budget
from herdbook.ledger.models import ClipState, FootageClip
from herdbook.ledger.session import ledger_session


@dataclass
class Footage:
    """What became of a day's footage."""

    findings: list[Finding] = field(default_factory=list)
    kept: int = 0
    skipped: int = 0
    complete: bool = True
    """False where a chosen file could not be fetched whole: a later night tries again."""


class _Job:
    """Fetching the chosen files of one day. Methods may be called from several threads."""

    def __init__(self, folders: DayFolders, files: list[DayFile], boxes: BoxesCheck) -> None:
        self.folders = folders
        self.files = {file.name: file for file in files}
        self._boxes = boxes
        self.failed: dict[str, IntegrityError] = {}
        self._lock = threading.Lock()

    def missing(self) -> list[Wanted]:
        """Files that are neither here nor in quarantine, in the order of worth; one fetch for equal content."""
        targets: dict[str, list[DayFile]] = defaultdict(list)
        for file in self.files.values():
            aside = self.folders.quarantine / file.name
            if not self.has(file) and _is_there(aside, file):
                self._check(aside, file)  # says again what is wrong with it
            elif not self.has(file):
                targets[file.sha256].append(file)
        return [
            Wanted(sha256, same[0].bytes, tuple(self.folders.footage / file.name for file in same))
            for sha256, same in targets.items()
        ]

    def has(self, file: DayFile) -> bool:
        """Whether a file was fetched and found good."""
        return _is_there(self.folders.footage / file.name, file)

    def deliver(self, item: Wanted, part: Path) -> None:
        """Check a fetched file before it appears, here or in quarantine."""
        names = [target.name for target in item.targets]
        checked = [self._check(part, self.files[name]) for name in names]  # every name is told, not the first alone
        good = all(checked)
        folder = self.folders.footage if good else make_folder(self.folders.quarantine)
        place(part, [folder / name for name in names])

    def on_corrupt(self, item: Wanted, error: TransferCorruptError) -> None:
        """Note a file whose bytes are wrong."""
        with self._lock:
            self.failed |= {target.name: error for target in item.targets}

    def _check(self, path: Path, file: DayFile) -> bool:
        try:
            if file.kind is FileKind.CLIP:
                require_decodable(path, file.name)
            else:
                self._boxes.check(path, file)
        except IntegrityError as error:
            with self._lock:
                self.failed[file.name] = error
            return False
        return True


def fetch_footage(
    client: AgentClient, folders: DayFolders, landed: LandedDay, meter: Meter, *, lost_for_good: bool = False
) -> Footage:
    """Fetch what fits the budget, best first, going on where an earlier attempt stopped.

    Args:
        lost_for_good: the device may have freed the day: what it does not have now, no later night will get.

    Raises:
        DeviceError, DiskFullError: see `fetch.fetch_all`; what was fetched is kept and entered in the ledger.
    """
    settings, manifest = folders.settings, landed.manifest
    boxes = manifest.of_kind(FileKind.BOXES)
    budget = settings.footage_budget_bytes - sum(file.bytes for file in boxes)
    chosen, left = within_budget(rank_clips(manifest, tracks(landed)), budget)
    files = [*boxes, *(item.clip for item in chosen)]
    job = _Job(folders, files, BoxesCheck(landed))
    if files:
        make_folder(folders.footage)
        make_folder(folders.footage_parts)
        _reuse(job)
        wanted = job.missing()
        total, missing = sum(file.bytes for file in files), sum(item.size for item in wanted)
        meter.begin(f"{folders.device_id} {folders.day} footage", total - missing, total)
        require_space(folders.footage, missing - _begun(folders.footage_parts, wanted))
        try:
            fetch_all(
                client,
                wanted,
                folders.footage_parts,
                parallel=settings.parallel_files,
                on_bytes=meter.add,
                deliver=job.deliver,
                on_corrupt=job.on_corrupt,
            )
        except BaseException:
            with suppress(StorageError):  # the disk may be full for the ledger too; the transfer's end is the news
                _enter(job, chosen, left)
            raise
    _enter(job, chosen, left)
    kept = sum(job.has(item.clip) for item in chosen)
    return Footage(
        findings=_findings(job),
        kept=kept,
        skipped=len(chosen) - kept + len(left),
        complete=lost_for_good or not any(isinstance(error, TransferCorruptError) for error in job.failed.values()),
    )


def _reuse(job: _Job) -> None:
    """Link files that an earlier revision brought already instead of fetching them again."""
    digests = {file.sha256: file for file in job.files.values() if not job.has(file)}
    with ledger_session(job.folders.settings) as session:
        query = select(FootageClip).where(FootageClip.state == ClipState.KEPT, FootageClip.sha256.in_(digests))
        known = [(clip.path, clip.sha256) for clip in session.scalars(query)]
    for path, sha256 in known:
        source, file = job.folders.settings.footage / str(path), digests[sha256]
        if _is_there(source, file) and not job.has(file) and sha256_of(source) == sha256:
            link_durably(source, job.folders.footage / file.name)


def _enter(job: _Job, chosen: list[Ranked], left: list[Ranked]) -> None:
    """Say in the ledger what is here and what is not, and why. Chosen clips still to come are left out."""
    folders = job.folders
    budget, over = folders.settings.footage_budget_bytes, {item.clip.name for item in left}
    with ledger_session(folders.settings) as session:
        for item in [*chosen, *left]:
            clip = item.clip
            kept = job.has(clip)
            if kept:
                state, reason = ClipState.KEPT, None
            elif clip.name in job.failed:
                state, reason = ClipState.SKIPPED, job.failed[clip.name].message
            elif clip.name in over:
                state, reason = ClipState.SKIPPED, f"over the footage budget of {budget} bytes"
            else:
                continue
            session.merge(
                FootageClip(
                    device_id=folders.device_id,
                    day=folders.day,
                    revision=folders.revision,
                    name=clip.name,
                    sha256=clip.sha256,
                    camera_id=clip.camera_id,
                    started_at=clip.started_at,
                    ended_at=clip.ended_at,
                    bytes=clip.bytes,
                    worth=item.worth,
                    path=str((folders.footage / clip.name).relative_to(folders.settings.footage)) if kept else None,
                    state=state,
                    reason=reason,
                )
            )
        enter(session, folders, [f for f in _findings(job) if f.error is not TransferCorruptError])


def _findings(job: _Job) -> list[Finding]:
    return [Finding(type(error), name, None, error.message, error.remedy) for name, error in sorted(job.failed.items())]


def _begun(parts: Path, wanted: list[Wanted]) -> int:
    found = (parts / item.sha256 for item in wanted)
    return sum(part.stat().st_size for part in found if part.exists())


def _is_there(path: Path, file: DayFile) -> bool:
    return path.exists() and path.stat().st_size == file.bytes
