"""From the signed repository to a folder of verified files.

``<root>/trust`` holds the root of trust, python-tuf's metadata, what was seen, and files under way by their digest;
``<root>/releases/<release>-<digest>/`` only files whose bytes were signed. A file is moved there after it was compared
with its signed digest and flushed; a new folder appears whole, by one rename.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError
from tuf.api.exceptions import LengthOrHashMismatchError
from tuf.api.metadata import TargetFile as Target
from tuf.ngclient import Updater

from herdbook.contracts.assignment import Assignment, TargetFile, assignment_target
from herdbook.contracts.durable import disk_full_is_said, fsync_path, make_folder, replace_durably, write_durably
from herdbook.contracts.release import RELEASE_NAME
from herdbook.contracts.validation import first_problem
from herdbook.edge.install.fetcher import Wire
from herdbook.edge.install.provision import METADATA, TRUST, root_of_trust
from herdbook.edge.install.refusals import refusals_are_said
from herdbook.edge.install.seen import note_assignment, note_metadata, read_seen, require_not_older
from herdbook.edge.locks import in_use
from herdbook.errors import DiskFullError, TargetMismatchError, UntrustedMetadataError

RESERVE_BYTES = 256 << 20
"""Space that an installation leaves free, for footage and days."""
_MAX_ASSIGNMENT = 1 << 20
_INSTALLED = re.compile(r".+-[0-9a-f]{12}")


class Installer:
    """Fetches what one device is assigned. One works on a device's folder at a time; others wait."""

    def __init__(
        self, root: Path, device_id: str, source: str, *, reserve_bytes: int = RESERVE_BYTES, timeout_s: float = 30.0
    ) -> None:
        """Prepare; nothing is read or asked for yet.

        Args:
            root: device folder.
            source: address of the repository: above its ``metadata/`` and ``targets/``.
            reserve_bytes: what must stay free on the disk.
            timeout_s: longest silence of the repository.
        """
        self._device_id, self._source, self._reserve = device_id, source.rstrip("/"), reserve_bytes
        self._root, self._trust, self._releases = root, root / TRUST, root / "releases"
        self._wire = Wire(self._source, timeout_s)

    def look(self) -> Assignment | None:
        """The device's newest assignment; none where it has none yet.

        Raises:
            NotFoundError: the device has no root of trust.
            RepositoryUnreachableError, UntrustedMetadataError, MetadataExpiredError, MetadataReplayedError,
            TargetMismatchError: what the repository offers cannot be believed, or is not there.
        """
        with self._alone():
            target = self._target(self._refreshed(), assignment_target(self._device_id))
            if target is None:
                return None
            raw = self._small(target)
            try:
                assignment = Assignment.model_validate_json(raw)
            except ValidationError as error:
                problem = first_problem(error.errors(), "the whole")
                raise UntrustedMetadataError(
                    f"{target.path} is signed, but no assignment of this version: {problem}",
                    "Update the device's software, or the platform's.",
                ) from error
            self._require_own(assignment)
            note_assignment(self._trust, assignment, hashlib.sha256(raw).hexdigest())
            return assignment

    def fetch(self, assignment: Assignment) -> Path:
        """The folder with every file that the assignment names, under its own name; verified, and durable.

        Asks for what is missing only, also after an interruption of any kind. The release that is installed already
        is left alone, and only new files are added.

        Raises:
            DiskFullError: the disk does not hold it; found before anything is asked for, as far as it can be.
            TargetMismatchError: a file is not signed as the assignment says, or its bytes are not the signed ones.
            MetadataReplayedError: a newer assignment was seen.
            HerdbookError: as `look` raises them.
        """
        self._require_own(assignment)
        with self._alone():
            require_not_older(read_seen(self._trust), assignment)
            updater = self._refreshed()
            wanted = [(file, self._signed(updater, file)) for file in assignment.files]
            folder = self._releases / folder_name(assignment)
            staging = folder if folder.is_dir() else self._releases / f".{folder.name}.new"
            missing = [(f, t) for f, t in wanted if not _holds(staging / f.name, t)]
            self._require_space([target for _, target in missing])
            make_folder(staging)
            for file, target in missing:
                self._bring(target, staging / file.name)
            if staging != folder:
                fsync_path(staging)
                staging.replace(folder)
                fsync_path(self._releases)
            return folder

    def forget(self, keep: set[Path]) -> None:
        """Remove installed releases but for these folders, and all that is under way."""
        with self._alone():
            kept = {path.absolute() for path in keep}
            for path in self._releases.iterdir() if self._releases.is_dir() else ():
                installed = _INSTALLED.fullmatch(path.name) and path.absolute() not in kept
                if path.is_dir() and (installed or path.name.startswith(".")):
                    # Out of sight first: what is half removed must not look like a release.
                    gone = path if path.name.startswith(".") else path.with_name(f".{path.name}.gone")
                    if gone != path:
                        path.rename(gone)
                    shutil.rmtree(gone)
            shutil.rmtree(self._parts, ignore_errors=True)

    @property
    def _parts(self) -> Path:
        return self._trust / "parts"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        root_of_trust(self._root)
        with in_use(self._trust, wait=True):
            yield

    def _refreshed(self) -> Updater:
        """A client of the repository with metadata that is signed, current and not older than any before."""
        metadata = make_folder(self._trust / METADATA)
        with refusals_are_said(self._source, metadata):
            updater = Updater(
                str(metadata), f"{self._source}/metadata/", fetcher=self._wire, bootstrap=root_of_trust(self._root)
            )
            updater.refresh()
            note_metadata(self._trust, metadata)
        return updater

    def _target(self, updater: Updater, path: str) -> Target | None:
        with refusals_are_said(self._source, self._trust):
            return updater.get_targetinfo(path)

    def _signed(self, updater: Updater, file: TargetFile) -> Target:
        target = self._target(updater, file.path)
        if target is None or (target.length, target.hashes.get("sha256")) != (file.bytes, file.sha256):
            raise TargetMismatchError(
                f"{file.path} is not signed with the length and digest that the assignment names",
                "Nothing was installed. Assign the device's release again on the platform.",
            )
        return target

    def _small(self, target: Target) -> bytes:
        """The bytes of an assignment: kept here since last time, or fetched."""
        kept = self._trust / "assignment.json"
        if _holds(kept, target):
            return kept.read_bytes()
        if target.length > _MAX_ASSIGNMENT:
            raise UntrustedMetadataError(f"{target.path} is too large for an assignment: {target.length} bytes")
        with refusals_are_said(self._source, self._trust):
            raw = self._wire.download_bytes(self._address(target), target.length)
        try:
            target.verify_length_and_hashes(raw)
        except LengthOrHashMismatchError as error:
            raise TargetMismatchError(f"{self._address(target)} is not what was signed: {error}") from error
        write_durably(kept, raw)
        return raw

    def _bring(self, target: Target, place: Path) -> None:
        part = make_folder(self._parts) / target.hashes["sha256"]
        resumed = part.exists()
        self._wire.download(self._address(target), part, target.length)
        if not _holds(part, target):
            part.unlink()
            if not resumed:
                raise TargetMismatchError(f"{self._address(target)} is not what was signed")
            # What lay here from before, perhaps through a power cut, may be what is wrong.
            self._bring(target, place)
            return
        with disk_full_is_said(place):
            replace_durably(part, place)

    def _address(self, target: Target) -> str:
        return f"{self._source}/targets/{target.get_prefixed_paths()[0]}"

    def _require_space(self, missing: list[Target]) -> None:
        parts = {t.hashes["sha256"]: self._parts / t.hashes["sha256"] for t in missing}
        have = sum(part.stat().st_size for part in parts.values() if part.exists())
        needed = sum(target.length for target in missing) - have
        free = shutil.disk_usage(self._root).free
        if missing and needed + self._reserve > free:
            raise DiskFullError(
                f"the release needs {needed} bytes more and {self._reserve} are kept free, but {self._root} "
                f"has {free} bytes left",
                "Free space on the device, or lower `updates: reserve_mib:` in device.yaml; it then goes on.",
            )

    def _require_own(self, assignment: Assignment) -> None:
        if assignment.device_id != self._device_id:
            raise UntrustedMetadataError(
                f"the assignment is that of '{assignment.device_id}', this is '{self._device_id}'"
            )
        names = [file.name for file in assignment.files]
        if len(set(names)) != len(names) or (names and RELEASE_NAME not in names):
            raise UntrustedMetadataError(f"assignment {assignment.number} names two files alike, or no {RELEASE_NAME}")


def folder_name(assignment: Assignment) -> str:
    """Name of the folder that an assignment's files are installed in: release id, and digest of ``release.json``."""
    return f"{assignment.release_id}-{(assignment.digest_of(RELEASE_NAME) or '')[:12]}"


def _holds(path: Path, target: Target) -> bool:
    """Whether a file has exactly the signed bytes."""
    try:
        with path.open("rb") as stream:
            target.verify_length_and_hashes(stream)
    except (OSError, LengthOrHashMismatchError):
        return False
    return True
