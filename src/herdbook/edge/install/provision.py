"""The root of trust on a device: put there once, by hand or with its image; then it follows the signed chain."""

from __future__ import annotations

import shutil
from pathlib import Path

from tuf.api.exceptions import RepositoryError, StorageError
from tuf.api.metadata import Metadata, Root
from tuf.api.serialization import DeserializationError

from herdbook.contracts.durable import make_folder, write_durably
from herdbook.edge.install.seen import SEEN_NAME
from herdbook.errors import ConfigurationError, NotFoundError, UntrustedMetadataError

TRUST = "trust"
ROOT_NAME = "root.json"
METADATA = "metadata"


def provision(root: Path, document: bytes, *, replace: bool = False) -> int:
    """Make a root document the device's root of trust; its version.

    Args:
        root: device folder.
        document: as `herdbook fleet trust status --root-file FILE` writes it.
        replace: give up the present root and all memory of what was seen, for a platform that began anew.

    Raises:
        UntrustedMetadataError: it is no root, or not signed by its own keys.
        ConfigurationError: the device trusts a newer one, or one whose keys did not sign this.
    """
    new = _parse(document)
    folder = make_folder(root / TRUST)
    present = _newest(folder)
    if present is not None and not replace and not _follows(new, present):
        raise ConfigurationError(
            f"{folder / ROOT_NAME} is not followed by this root: it is older, or other keys signed it",
            "Check where the file comes from. If the platform began anew, give --replace: the device then forgets "
            "what it has seen.",
        )
    write_durably(folder / ROOT_NAME, document)
    if replace:
        shutil.rmtree(folder / METADATA, ignore_errors=True)
        (folder / SEEN_NAME).unlink(missing_ok=True)
    return new.signed.version


def root_of_trust(root: Path) -> bytes:
    """The device's root document.

    Raises:
        NotFoundError: it has none.
    """
    try:
        return (root / TRUST / ROOT_NAME).read_bytes()
    except OSError as error:
        raise NotFoundError(
            f"the device has no root of trust in {root / TRUST}", "Give it one: `herdbook edge trust ROOT.json`."
        ) from error


def _parse(document: bytes) -> Metadata[Root]:
    try:
        found = Metadata[Root].from_bytes(document)
        if not isinstance(found.signed, Root):
            raise UntrustedMetadataError("the file is signed metadata, but not a root")
        found.signed.verify_delegate(Root.type, found.signed_bytes, found.signatures)
    except (DeserializationError, RepositoryError, ValueError) as error:
        raise UntrustedMetadataError(
            f"the file is not a root of trust: {error}",
            "Write one with `herdbook fleet trust status --root-file FILE`.",
        ) from error
    return found


def _newest(folder: Path) -> Metadata[Root] | None:
    """The root that the device has come to by the chain, or the one it was given."""
    found = []
    for path in (folder / METADATA / ROOT_NAME, folder / ROOT_NAME):
        try:
            found.append(Metadata[Root].from_file(str(path)))
        except (StorageError, DeserializationError, RepositoryError, OSError):
            continue
    return max(found, key=lambda root: root.signed.version, default=None)


def _follows(new: Metadata[Root], present: Metadata[Root]) -> bool:
    if new.signed.version == present.signed.version:
        return new.signed_bytes == present.signed_bytes
    signed = present.signed.get_verification_result(Root.type, new.signed_bytes, new.signatures)
    return new.signed.version > present.signed.version and bool(signed)
