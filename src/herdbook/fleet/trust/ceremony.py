"""What needs the offline keys: the beginning, new keys for any role, and a longer life for what they signed."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import DelegatedRole, Delegations, Key, Metadata, Role, Root, Snapshot, Targets, Timestamp

from herdbook.errors import ConfigurationError
from herdbook.fleet.trust.commit import commit, sign_root
from herdbook.fleet.trust.keys import SHORT, OfflineKeys, find_online, forget_online, make_online
from herdbook.fleet.trust.roles import (
    ASSIGNMENTS,
    BINS,
    OFFLINE,
    ONLINE,
    PATHS,
    RELEASES,
    ROLES,
    ROOT,
    SNAPSHOT,
    TARGETS,
    TIMESTAMP,
)
from herdbook.fleet.trust.store import State, exists, one_writer, read_state, repository_folder
from herdbook.settings import Settings


def init(settings: Settings, offline: OfflineKeys, *, root_keys: int = 3, threshold: int = 2) -> State:
    """Make all keys and an empty signed repository.

    Args:
        root_keys: how many root keys; ``threshold`` of them must sign.

    Raises:
        ConfigurationError: there is a repository already, or the threshold cannot be met.
    """
    if not 1 <= threshold <= root_keys:
        raise ConfigurationError(f"{threshold} of {root_keys} root keys cannot sign", "Give a threshold within them.")
    with one_writer(settings):
        if exists(settings):
            raise ConfigurationError(
                f"{repository_folder(settings)} is there already",
                "Keys are changed with `herdbook fleet trust rotate`.",
            )
        signers = {ROOT: offline.make(ROOT, root_keys), TARGETS: offline.make(TARGETS)}
        signers |= {role: [make_online(settings, role)] for role in ONLINE}
        keys: dict[str, Key] = {s.public_key.keyid: s.public_key for role in ROLES for s in signers[role]}

        def role_of(name: str) -> Role:
            return Role([s.public_key.keyid for s in signers[name]], threshold if name == ROOT else 1)

        def delegated(name: str) -> DelegatedRole:
            return DelegatedRole(name, role_of(name).keyids, 1, True, PATHS[name])

        top = (ROOT, TARGETS, SNAPSHOT, TIMESTAMP)
        root = Root(roles={name: role_of(name) for name in top}, consistent_snapshot=True)
        root.keys = {keyid: keys[keyid] for name in top for keyid in root.roles[name].keyids}
        delegations = {name: delegated(name) for name in (RELEASES, ASSIGNMENTS)}
        delegated_keys = {keyid: keys[keyid] for role in delegations.values() for keyid in role.keyids}
        state = State(
            folder=repository_folder(settings),
            root=Metadata(root),
            targets=Metadata(Targets(delegations=Delegations(delegated_keys, delegations))),
            releases=Metadata(Targets()),
            assignments=Metadata(Targets(delegations=_bins(signers[ASSIGNMENTS]))),
            bins={name: Metadata(Targets()) for name in BINS},
            snapshot=Metadata(Snapshot()),
            timestamp=Metadata(Timestamp()),
        )
        changed = [TARGETS, RELEASES, ASSIGNMENTS, *BINS]
        for role in (*changed, SNAPSHOT, TIMESTAMP):
            state.metadata(role).signed.version = 0  # `commit` counts up
        sign_root(settings, state, None, signers[ROOT])
        commit(settings, state, changed, {TARGETS: signers[TARGETS]}, new_root=True)
        return state


def rotate(settings: Settings, role: str, offline: OfflineKeys, lost: Sequence[str] = ()) -> list[str]:
    """Replace a role's keys: those that were lost or may be known to others, or all of them.

    What is published meanwhile is signed by old and new keys where the old ones are at hand, so that devices accept it
    before and after they learn of the new ones, and a crash in between leaves a valid repository.

    Args:
        offline: where enough root keys lie (for `releases` and `assignments` the targets key); new ones go there too.
        lost: beginnings of the key ids to replace; empty for all.

    Returns:
        Ids of the new keys.

    Raises:
        ConfigurationError: keys are missing, or an id belongs to no key of the role.
    """
    if role not in ROLES:
        raise ConfigurationError(f"'{role}' is no role", f"Roles are {', '.join(ROLES)}.")
    with one_writer(settings):
        state = read_state(settings)
        held = state.signed_by(role)
        gone = _chosen(role, held, lost)
        old = find_online(settings, role, held) if role in ONLINE else offline.find(role, held)
        before = copy.deepcopy(state.root.signed)
        new = offline.make(role, len(gone)) if role in OFFLINE else [make_online(settings, role) for _ in gone]
        delegator = state.targets.signed if role in PATHS else state.root.signed
        for signer in new:
            delegator.add_key(signer.public_key, role)
        for keyid in gone:
            delegator.revoke_key(keyid, role)
        extra = {role: [*old, *new]}
        if role in PATHS:
            extra[TARGETS] = offline.find(TARGETS, state.signed_by(TARGETS))
            below = []
            if role == ASSIGNMENTS:
                state.assignments.signed.delegations = _bins(find_online(settings, role, state.signed_by(role)))
                below = [*BINS]
            commit(settings, state, [TARGETS, role, *below], extra)
        else:
            roots = _distinct([*offline.find(ROOT, before.roles[ROOT].keyids), *(new if role == ROOT else [])])
            sign_root(settings, state, before, roots)
            commit(settings, state, [TARGETS] if role == TARGETS else [], extra, new_root=True)
        if role in ONLINE:
            forget_online(settings, role, state.signed_by(role))
        return [signer.public_key.keyid for signer in new]


def renew(settings: Settings, offline: OfflineKeys) -> None:
    """Sign root and top-level targets again, so that they live on.

    Raises:
        ConfigurationError: not enough of their keys are there.
    """
    with one_writer(settings):
        state = read_state(settings)
        before = copy.deepcopy(state.root.signed)
        sign_root(settings, state, before, offline.find(ROOT, before.roles[ROOT].keyids))
        targets = offline.find(TARGETS, state.signed_by(TARGETS))
        commit(settings, state, [TARGETS], {TARGETS: targets}, new_root=True)


def _chosen(role: str, held: Sequence[str], lost: Sequence[str]) -> list[str]:
    if not lost:
        return list(held)
    gone = [keyid for keyid in held if any(begin and keyid.startswith(begin) for begin in lost)]
    if len(gone) != len(set(lost)):
        shown = ", ".join(keyid[:SHORT] for keyid in held)
        raise ConfigurationError(f"the keys of {role} are {shown}", "Name those that were lost by their beginnings.")
    return gone


def _bins(signers: Sequence[CryptoSigner]) -> Delegations:
    keys: dict[str, Key] = {signer.public_key.keyid: signer.public_key for signer in signers}
    return Delegations(
        keys, {name: DelegatedRole(name, [*keys], 1, True, None, prefixes) for name, prefixes in BINS.items()}
    )


def _distinct(signers: Sequence[CryptoSigner]) -> list[CryptoSigner]:
    return list({signer.public_key.keyid: signer for signer in signers}.values())
