"""``active.json``: which installed release runs, and the last good one. Two copies, each with its own digest.

The file is the switch: recorders look at it between clips, and after a power cut it alone says what runs. It is written
beside, flushed and renamed, then written once more as ``active.backup.json``. A copy that is damaged is not believed.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from herdbook.contracts.camera import Contract
from herdbook.contracts.device_day import ReleaseUse
from herdbook.contracts.durable import make_folder, write_durably
from herdbook.contracts.farmtime import Instant
from herdbook.contracts.identifiers import FileName, Sha256, Slug
from herdbook.contracts.release import Precision
from herdbook.edge.triton.repository import Backend, Tensor
from herdbook.errors import DiskFullError

ACTIVE = "active.json"
BACKUP = "active.backup.json"
_COUNTER = "version.json"


class EngineFile(Contract):
    """One engine: the graph or plan of a role, and what goes in and out."""

    role: Slug
    place: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*(/[A-Za-z0-9][A-Za-z0-9._-]*)$")]
    """Where it lies in the folder ``releases``."""
    bytes: Annotated[int, Field(ge=0)]
    sha256: Sha256
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


class Installed(Contract):
    """A release that proved itself here."""

    folder: FileName
    """In the folder ``releases``."""
    release_sha256: Sha256
    use: ReleaseUse
    assignment: Annotated[int, Field(ge=0)]
    """Number of the assignment that asked for it."""
    version: Annotated[int, Field(ge=1)]
    """Of its models in Triton; also tells one taking up of a release from another."""
    backend: Backend
    precision: Precision
    engines: tuple[EngineFile, ...]
    """None of engine ``motion``, whose code is the device's own software."""
    certificate: FileName


class Active(Contract):
    """What runs."""

    now: Installed | None = None
    """None: the engine of device.yaml."""
    previous: Installed | None = None
    """The last good release before it."""
    since: Instant


class _File(Contract):
    format: Literal["herdbook-active/1"] = "herdbook-active/1"
    state: Active
    sha256: Sha256


class _Counter(Contract):
    version: Annotated[int, Field(ge=0)]


def read_active(releases: Path) -> Active | None:
    """What runs as the newer sound copy says; none where no release was ever taken up, or both copies are damaged."""
    for name in (ACTIVE, BACKUP):
        try:
            read = _File.model_validate_json((releases / name).read_bytes())
        except (OSError, ValidationError):
            continue
        if _digest(read.state) == read.sha256:
            return read.state
    return None


def installed_now(releases: Path) -> Installed | None:
    """The installed release that runs; none: the engine of device.yaml."""
    active = read_active(releases)
    return active.now if active else None


def write_active(releases: Path, active: Active) -> None:
    """Switch to what `active` says, durably. Where the disk holds only the first copy, the second stays an older one.

    Raises:
        DiskFullError: no space is left; what ran before is still named.
    """
    content = _File(state=active, sha256=_digest(active)).model_dump_json(indent=1).encode() + b"\n"
    write_durably(make_folder(releases) / ACTIVE, content)
    with suppress(DiskFullError):  # it is switched: who is told otherwise removes what runs
        write_durably(releases / BACKUP, content)


def next_version(releases: Path) -> int:
    """A number that no release on this device ever had, durably counted before it is used."""
    path = make_folder(releases) / _COUNTER
    try:
        last = _Counter.model_validate_json(path.read_bytes()).version
    except (OSError, ValidationError):
        last = 0
    active = read_active(releases)
    known = [used.version for used in (active.now, active.previous) if used] if active else []
    in_triton = (releases.parent / "triton" / "models").glob("*/*")
    found = [int(folder.name) for folder in in_triton if folder.name.isdigit()]
    version = max([last, *known, *found]) + 1
    write_durably(path, _Counter(version=version).model_dump_json().encode())
    return version


def _digest(active: Active) -> str:
    return hashlib.sha256(active.model_dump_json().encode()).hexdigest()
