"""Publication: sign what changed, prove it as a device would, write it in the order that is safe at any moment.

Targets lie there before (`herdbook.fleet.trust.targets`); then come the signed lists of them, the snapshot, and last
the timestamp, each durable before the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from securesystemslib.signer import Signer
from tuf.api.exceptions import UnsignedMetadataError
from tuf.api.metadata import MetaFile, Root

from herdbook.contracts.durable import make_folder, write_durably
from herdbook.errors import ConfigurationError
from herdbook.fleet.trust.keys import SHORT, find_online
from herdbook.fleet.trust.roles import ASSIGNMENTS, BINS, ONLINE, RELEASES, ROOT, SNAPSHOT, TARGETS, TIMESTAMP, validity
from herdbook.fleet.trust.store import State, file_of
from herdbook.settings import Settings

Signers = Mapping[str, Sequence[Signer]]
"""By role, beside the online keys on this machine."""


def commit(
    settings: Settings, state: State, changed: Iterable[str], signers: Signers | None = None, *, new_root: bool = False
) -> None:
    """Publish a state that was changed in memory. Call it as the only writer.

    Args:
        state: its versions are counted up here, its expiry times set.
        changed: of ``targets``, ``releases``, ``assignments`` and its bins; snapshot and timestamp always follow.
        signers: keys that are not online, and old ones whose signature should be there too.
        new_root: whether ``state.root`` is a new root, signed already, to be published last: until then what was
            written must be valid under the old one too, after that under the new one.

    Raises:
        ConfigurationError: keys that a role needs are not on this machine; nothing of it was published.
        DiskFullError: no space left; the old state stays in force.
    """
    more = signers or {}
    listed = set(changed)
    written: dict[str, bytes] = {}
    for role in (TARGETS, RELEASES, ASSIGNMENTS, *BINS):
        if role in listed:
            written[role] = _signed(settings, state, role, more)
            state.snapshot.signed.meta[f"{role}.json"] = _described(state, role, written[role])
    written[SNAPSHOT] = _signed(settings, state, SNAPSHOT, more)
    state.timestamp.signed.snapshot_meta = _described(state, SNAPSHOT, written[SNAPSHOT])
    written[TIMESTAMP] = _signed(settings, state, TIMESTAMP, more)
    if new_root:
        written[ROOT] = state.root.to_bytes()
    folder = make_folder(state.folder / "metadata")
    for role, content in written.items():
        write_durably(folder / file_of(role, state.metadata(role).signed.version), content)


def sign_root(settings: Settings, state: State, before: Root | None, signers: Sequence[Signer]) -> None:
    """Make ``state.root`` the root that follows `before`, signed with the keys at hand.

    Raises:
        ConfigurationError: they do not reach the threshold of the root before and of this one.
    """
    root = state.root.signed
    root.version = 1 if before is None else before.version + 1
    root.expires = expiry(settings, ROOT)
    state.root.signatures.clear()
    for signer in signers:
        state.root.sign(signer, append=True)
    result = root.get_root_verification_result(before, state.root.signed_bytes, state.root.signatures)
    if not result:
        missing = max(result.first.missing, result.second.missing)
        raise ConfigurationError(
            f"a new root needs {missing} more of the root keys {', '.join(k[:SHORT] for k in sorted(result.unsigned))}",
            "Name every folder that holds root keys; as many as the threshold says are enough.",
        )


def expiry(settings: Settings, role: str) -> datetime:
    """When what a role signs now expires, to the second."""
    return (datetime.now(UTC) + validity(settings, role)).replace(microsecond=0)


def _signed(settings: Settings, state: State, role: str, more: Signers) -> bytes:
    metadata = state.metadata(role)
    metadata.signed.version += 1
    metadata.signed.expires = expiry(settings, role)
    keyids = state.signed_by(role)
    keys_of = ASSIGNMENTS if role in BINS else role
    own: list[Signer] = [*find_online(settings, keys_of, keyids)] if keys_of in ONLINE else []
    metadata.signatures.clear()
    for signer in [*own, *more.get(role, ())]:
        metadata.sign(signer, append=True)
    _require_signed(state, role)
    return metadata.to_bytes()


def _require_signed(state: State, role: str) -> None:
    """Prove that enough of a role's keys have signed it.

    Raises:
        ConfigurationError: they have not.
    """
    metadata = state.metadata(role)
    delegator = state.delegator(role)
    try:
        delegator.verify_delegate(role, metadata.signed_bytes, metadata.signatures)
    except UnsignedMetadataError as error:
        needed = delegator.get_delegated_role(role)
        names = ", ".join(keyid[:SHORT] for keyid in needed.keyids)
        raise ConfigurationError(
            f"signing {role} needs {needed.threshold} of its keys ({names}), and they are not here",
            "Name the folder with the keys; a lost key is replaced by `herdbook fleet trust rotate`.",
        ) from error


def _described(state: State, role: str, content: bytes) -> MetaFile:
    return MetaFile.from_data(state.metadata(role).signed.version, content, ["sha256"])
