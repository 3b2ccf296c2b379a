"""What a backup says of itself: ``manifest.json``, and the sum of every file in ``SHA256SUMS``.

The sums are in the form of coreutils: ``sha256sum --check --quiet SHA256SUMS`` in the backup's folder looks, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path, PurePosixPath

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from herdbook.contracts.digest import sha256_of, sha256_of_bytes
from herdbook.contracts.durable import write_durably
from herdbook.errors import BackupDamagedError, BackupUnusableError, NotFoundError

FORMAT = 1
MANIFEST, SUMS = "manifest.json", "SHA256SUMS"
_THREADS = 4


class KeptDatabase(BaseModel):
    """A database in the backup."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    """``sqlite`` or ``postgres``."""
    file: str
    """Name in the backup; databases that were one share it."""


class BackupManifest(BaseModel):
    """A backup."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    made_at: AwareDatetime
    herdbook: str
    """Version of the package that made it."""
    installation: str | None = None
    """Name of the home that it is of; none in a backup that is older than such names."""
    lake_version: int | None
    databases: Mapping[str, KeptDatabase]
    """By name: ``catalog``, ``ledger``, ``mlflow``."""
    trees: Mapping[str, str]
    """Folders, with where they lay."""
    not_here: Mapping[str, str] = Field(default_factory=dict)
    """What is not in it, with where to look for it."""
    files: int
    bytes: int
    sums: str
    """SHA-256 of `SUMS`."""


def write_sums(folder: Path, sums: Mapping[str, str]) -> str:
    """Write `SUMS`; its own sum.

    Args:
        folder: of the backup.
        sums: SHA-256 by name within it.
    """
    content = "".join(_line(name, sums[name]) for name in sorted(sums)).encode("utf-8", "surrogateescape")
    write_durably(folder / SUMS, content)
    return sha256_of_bytes(content)


def read_sums(folder: Path) -> dict[str, str]:
    """What `write_sums` wrote; nothing where it is not readable as that."""
    try:
        lines = (folder / SUMS).read_bytes().decode("utf-8", "surrogateescape").split("\n")
    except FileNotFoundError:
        return {}
    return dict(_parsed(line) for line in lines if line)


def sum_of(folder: Path, name: str, former: Path | None, known: Mapping[str, str]) -> str:
    """A file's SHA-256; read off the former backup's sums where both are one file."""
    path = folder / name
    if former is not None and name in known and (former / name).is_file() and path.samefile(former / name):
        return known[name]
    return sha256_of(path)


def read_manifest(folder: Path) -> BackupManifest:
    """A backup's manifest.

    Raises:
        NotFoundError: there is no such folder.
        BackupUnusableError: it is no finished backup, or a newer Herdbook made it.
        BackupDamagedError: it is not as it was written.
    """
    if not folder.is_dir():
        raise NotFoundError(
            f"there is no backup {folder}", "Backups lie in $HERDBOOK_HOME/backups, or where --to said."
        )
    try:
        text = (folder / MANIFEST).read_bytes()
    except FileNotFoundError:
        raise BackupUnusableError(f"{folder} has no {MANIFEST}: it is no backup, or not a finished one") from None
    try:
        found = BackupManifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BackupUnusableError(f"{folder / MANIFEST} cannot be read: {where}: {first['msg']}") from None
    if found.format > FORMAT:
        raise BackupUnusableError(f"{folder} was made by Herdbook {found.herdbook}", "Install that version, or newer.")
    return found


def listed(place: Path, ours: str | None) -> list[dict[str, object]]:
    """Backups below a folder, oldest first, as rows for people; what is none is left out.

    Args:
        place: the folder.
        ours: name of this home (`installation.known`): other homes' backups are said to be theirs.
    """
    rows: list[dict[str, object]] = []
    for path in sorted(place.glob(f"*/{MANIFEST}")):
        with suppress(BackupUnusableError):
            found = read_manifest(path.parent)
            told = {"made_at": found.made_at, "files": found.files, "bytes": found.bytes, "herdbook": found.herdbook}
            of_ours = found.installation is not None and found.installation == ours
            rows.append({"backup": path.parent, **told, "lake_version": found.lake_version, "ours": of_ours})
    return rows


def verify(folder: Path, manifest: BackupManifest, progress: Callable[[int, int], object] | None = None) -> list[str]:
    """Check that every file of a backup is there as it was written; their names.

    Args:
        folder: of the backup.
        manifest: its own.
        progress: told how many files are done, of how many.

    Raises:
        BackupDamagedError: one is gone or altered.
    """
    if not (folder / SUMS).is_file() or sha256_of(folder / SUMS) != manifest.sums:
        raise BackupDamagedError(f"{folder / SUMS} is not as it was written")
    sums = read_sums(folder)
    for name in sums:
        _require_inside(folder, name)
    with ThreadPoolExecutor(_THREADS) as pool:
        for done, (name, found) in enumerate(zip(sums, pool.map(lambda n: _sum(folder / n), sums), strict=True), 1):
            if found != sums[name]:
                raise BackupDamagedError(f"{folder / name} is {'altered' if found else 'gone'}")
            if progress is not None:
                progress(done, len(sums))
    _require_known(manifest, sums)
    return list(sums)


def _require_known(manifest: BackupManifest, names: Iterable[str]) -> None:
    missing = {kept.file for kept in manifest.databases.values()} - set(names)
    if missing:
        raise BackupDamagedError(f"the backup's sums do not name {', '.join(sorted(missing))}")


def _require_inside(folder: Path, name: str) -> None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not (folder / name).resolve().is_relative_to(folder.resolve()):
        raise BackupDamagedError(f"{SUMS} names {name!r}, which is not below {folder}")


def _sum(path: Path) -> str | None:
    return sha256_of(path) if path.is_file() else None


def _line(name: str, digest: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n")
    return f"{'' if escaped == name else chr(92)}{digest}  {escaped}\n"


def _parsed(line: str) -> tuple[str, str]:
    escaped = line.startswith("\\")
    digest, _, name = line.removeprefix("\\").partition("  ")
    if escaped:
        name = name.replace("\\\\", "\0").replace("\\n", "\n").replace("\0", "\\")
    return name, digest
