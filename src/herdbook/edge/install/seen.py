"""What a device has seen: it never takes up anything older, whatever it is shown, also after a power cut."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError
from tuf.api.metadata import Metadata, Root, Timestamp

from herdbook.contracts.assignment import Assignment
from herdbook.contracts.camera import Contract
from herdbook.contracts.durable import fsync_path, write_durably
from herdbook.contracts.identifiers import Sha256
from herdbook.errors import MetadataReplayedError, StorageError

SEEN_NAME = "seen.json"


class Seen(Contract):
    """The newest of everything."""

    timestamp: Annotated[int, Field(ge=0)] = 0
    timestamp_keys: tuple[str, ...] = ()
    """Versions may begin anew only under new keys: TUF's way out after a repository was lost."""
    assignment: Annotated[int, Field(ge=0)] = 0
    assignment_sha256: Sha256 | None = None


def read_seen(folder: Path) -> Seen:
    """What was seen so far; nothing on a new device.

    Raises:
        StorageError: the file is damaged: without it, an older release could be passed off as new.
    """
    path = folder / SEEN_NAME
    try:
        return Seen.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Seen()
    except (OSError, ValidationError) as error:
        raise StorageError(
            f"{path} is damaged", "Provision the device again: `herdbook edge trust ROOT.json --replace`."
        ) from error


def note_metadata(folder: Path, metadata: Path) -> None:
    """Make what was accepted durable, and remember how new it is.

    python-tuf compares with the metadata that it kept; it does not flush it, so a power cut could take that memory.

    Args:
        folder: of this device's trust.
        metadata: what python-tuf keeps there, just refreshed.

    Raises:
        MetadataReplayedError: it is older than what was seen.
    """
    seen = read_seen(folder)
    timestamp = Metadata[Timestamp].from_file(str(metadata / "timestamp.json")).signed.version
    keys = tuple(sorted(Metadata[Root].from_file(str(metadata / "root.json")).signed.roles[Timestamp.type].keyids))
    if (timestamp, keys) == (seen.timestamp, seen.timestamp_keys):
        return
    if keys == seen.timestamp_keys and timestamp < seen.timestamp:
        raise MetadataReplayedError(f"timestamp {timestamp} is older than {seen.timestamp}, which was seen before")
    for path in (*metadata.glob("*.json"), *metadata.glob("root_history/*.json"), metadata / "root_history", metadata):
        fsync_path(path)
    _write(folder, seen.model_copy(update={"timestamp": timestamp, "timestamp_keys": keys}))


def note_assignment(folder: Path, assignment: Assignment, sha256: str) -> None:
    """Remember the newest assignment.

    Raises:
        MetadataReplayedError: it is older than what was seen, or has the same number and says something else.
    """
    seen = read_seen(folder)
    require_not_older(seen, assignment)
    if assignment.number == seen.assignment and sha256 != seen.assignment_sha256:
        raise MetadataReplayedError(f"assignment {assignment.number} came a second time, with other content")
    if assignment.number > seen.assignment:
        _write(folder, seen.model_copy(update={"assignment": assignment.number, "assignment_sha256": sha256}))


def require_not_older(seen: Seen, assignment: Assignment) -> None:
    """Refuse an assignment that is older than what was seen.

    Raises:
        MetadataReplayedError: it is.
    """
    if assignment.number < seen.assignment:
        raise MetadataReplayedError(
            f"assignment {assignment.number} is older than {seen.assignment}, which was seen before"
        )


def _write(folder: Path, seen: Seen) -> None:
    write_durably(folder / SEEN_NAME, seen.model_dump_json().encode())
