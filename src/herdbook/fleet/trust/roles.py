"""The roles of the signed repository: who signs what, where their keys are, and for how long a signature holds.

TUF's names (https://theupdateframework.github.io/specification/latest/): ``root`` says which keys count, ``targets``
hands the right to sign paths on to ``releases`` and ``assignments`` (the latter on to its bins), ``snapshot`` says
which versions belong together, ``timestamp`` that this is current.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

from herdbook.settings import Settings

ROOT, TARGETS, SNAPSHOT, TIMESTAMP = "root", "targets", "snapshot", "timestamp"
RELEASES, ASSIGNMENTS = "releases", "assignments"

OFFLINE = (ROOT, TARGETS)
"""Their keys belong on a stick in a safe."""
ONLINE = (TIMESTAMP, SNAPSHOT, RELEASES, ASSIGNMENTS)
"""Their keys lie where the platform runs."""
ROLES = (*OFFLINE, *ONLINE)

PATHS = {
    # A ``*`` does not reach over a ``/``: every depth is named (`herdbook.contracts.assignment` says what lies there).
    RELEASES: ["releases/*/*", "releases/*/plans/*/*"],
    ASSIGNMENTS: ["assignments/*", "assignments/*/*"],
}

BINS = {f"assignments-{digit:x}": [f"{digit:x}"] for digit in range(16)}
"""Assignments are parted by the first digit of their path's SHA-256, all under the keys of ``assignments``: a device of
a thousand reads and verifies the list of some sixty, not of all."""


def bin_of(path: str) -> str:
    """The bin that signs an assignment or pool."""
    return f"assignments-{hashlib.sha256(path.encode()).hexdigest()[0]}"


def validity(settings: Settings, role: str) -> timedelta:
    """For how long what a role signs now is valid."""
    days = {
        TIMESTAMP: settings.trust_timestamp_days,
        SNAPSHOT: settings.trust_snapshot_days,
        RELEASES: settings.trust_roles_days,
        ASSIGNMENTS: settings.trust_roles_days,
    } | dict.fromkeys(BINS, settings.trust_roles_days)
    return timedelta(days=days.get(role, settings.trust_offline_days))
