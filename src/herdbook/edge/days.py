"""The days a device holds: ``<root>/days/<day>/r<revision>/`` with manifest and files, acknowledgements beside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from pydantic import AwareDatetime, ValidationError

from herdbook.contracts.camera import Contract
from herdbook.contracts.device_day import DayFile, Manifest, manifest_sha256, parse_manifest
from herdbook.contracts.durable import write_durably
from herdbook.contracts.identifiers import Sha256
from herdbook.errors import IntegrityError

MANIFEST = "manifest.json"
_REVISION = re.compile(r"r([1-9]\d{0,8})")
_Stamp = tuple[str, int, int]


class Acknowledgement(Contract):
    """The platform has the day, durably."""

    revision: int
    manifest_sha256: Sha256
    acknowledged_at: AwareDatetime


@dataclass(frozen=True)
class StoredDay:
    """One revision of one day, on the device's disk."""

    folder: Path
    manifest: Manifest
    raw: bytes

    @property
    def sha256(self) -> str:
        """Digest of the manifest's bytes."""
        return manifest_sha256(self.raw)

    @property
    def acknowledgement_path(self) -> Path:
        """Where its acknowledgement lies, once there is one."""
        return self.folder.with_name(f"{self.folder.name}.acknowledged.json")

    def path_of(self, file: DayFile) -> Path:
        """A file of the day. Its name was checked when the manifest was read: a plain name, no folder."""
        return self.folder / file.name


class DayStore:
    """Reads days; manifests are parsed once, and again when they change."""

    def __init__(self, root: Path) -> None:
        self.days = root / "days"
        self._parsed: dict[_Stamp, StoredDay] = {}
        self._by_digest: dict[str, tuple[StoredDay, DayFile]] = {}

    def folder(self, day: date) -> Path:
        """Where the revisions of a day are."""
        return self.days / day.isoformat()

    def all_days(self) -> list[date]:
        """Farm-local days with at least one sound revision."""
        if not self.days.is_dir():
            return []
        days = (_day(folder) for folder in self.days.iterdir())
        return sorted(day for day in days if day is not None and self.latest(day) is not None)

    def revisions(self, day: date) -> list[StoredDay]:
        """The sound revisions of a day, oldest first. A folder without a valid manifest is passed over."""
        numbers = sorted(number for number, _ in self._folders(day))
        found = (self._read(day, number) for number in numbers)
        return [stored for stored in found if stored is not None]

    def latest(self, day: date) -> StoredDay | None:
        """The highest sound revision of a day, or none."""
        for number, _ in sorted(self._folders(day), reverse=True):
            stored = self._read(day, number)
            if stored is not None:
                return stored
        return None

    def next_revision(self, day: date) -> int:
        """A number that no revision of the day ever had, sound or broken."""
        return max((number for number, _ in self._folders(day)), default=0) + 1

    def broken(self) -> Iterator[Path]:
        """Revision folders that cannot be served."""
        for folder in sorted(self.days.glob("*/r*")):
            day, number = _day(folder.parent), _REVISION.fullmatch(folder.name)
            if day and number and folder.is_dir() and self._read(day, int(number[1])) is None:
                yield folder

    def acknowledgement(self, stored: StoredDay) -> Acknowledgement | None:
        """The acknowledgement of a revision, or none."""
        try:
            found = Acknowledgement.model_validate_json(stored.acknowledgement_path.read_bytes())
        except (OSError, ValidationError):
            return None
        return found if found.manifest_sha256 == stored.sha256 else None

    def acknowledge(self, stored: StoredDay, now: datetime) -> Acknowledgement:
        """Note durably that the platform has a revision; a second time changes nothing."""
        known = self.acknowledgement(stored)
        if known is not None:
            return known
        note = Acknowledgement(revision=stored.manifest.revision, manifest_sha256=stored.sha256, acknowledged_at=now)
        write_durably(stored.acknowledgement_path, (note.model_dump_json(indent=1) + "\n").encode())
        return note

    def find(self, sha256: str) -> tuple[StoredDay, DayFile] | None:
        """A file by the digest that a manifest names it by, preferably one that is still there."""
        found = self._by_digest.get(sha256)
        if found is None or not found[0].path_of(found[1]).is_file():
            self._by_digest = self._index()
            found = self._by_digest.get(sha256)
        return found

    def _index(self) -> dict[str, tuple[StoredDay, DayFile]]:
        index: dict[str, tuple[StoredDay, DayFile]] = {}
        for day in self.all_days():
            for stored in self.revisions(day):
                for file in stored.manifest.files:
                    if file.sha256 not in index or stored.path_of(file).is_file():
                        index[file.sha256] = (stored, file)
        return index

    def _folders(self, day: date) -> Iterator[tuple[int, Path]]:
        folder = self.folder(day)
        if folder.is_dir():
            for entry in folder.iterdir():
                found = _REVISION.fullmatch(entry.name)
                if found and entry.is_dir():
                    yield int(found[1]), entry

    def _read(self, day: date, revision: int) -> StoredDay | None:
        folder = self.folder(day) / f"r{revision}"
        path = folder / MANIFEST
        try:
            status = path.stat()
            key = (str(path), status.st_mtime_ns, status.st_size)
            if key not in self._parsed:
                raw = path.read_bytes()
                manifest = parse_manifest(raw)
                if (manifest.day, manifest.revision) != (day, revision):
                    return None
                self._parsed[key] = StoredDay(folder, manifest, raw)
            return self._parsed[key]
        except (OSError, IntegrityError):
            return None


def _day(folder: Path) -> date | None:
    """The day that a folder is named after, or none."""
    try:
        day = date.fromisoformat(folder.name)
    except ValueError:
        return None
    return day if day.isoformat() == folder.name else None
