"""Claims: match a loaded device day's tracklets to enrolled animals, and append what is new."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import duckdb
import pyarrow as pa

from herdbook.errors import LakeBusyError
from herdbook.identity.decide import Claim, MatchOptions, decide
from herdbook.identity.gather import gather
from herdbook.lake import transaction
from herdbook.lake.attach import open_lake
from herdbook.settings import Settings

_ATTEMPTS = 5


@dataclass(frozen=True)
class ClaimResult:
    """What was claimed of a load's tracklets."""

    load_id: str
    run_id: str | None
    """Of the claims that were appended; none when nothing was new."""
    tracklets: int
    claimed: int
    """Tracklets given to an animal, at whatever confidence."""
    identified: int
    """Of those, at or above the confidence that counts as identified."""
    appended: int
    """Claims that differ from those there were."""


def claim_device_day(settings: Settings, load_id: str, options: MatchOptions | None = None) -> ClaimResult:
    """Match the tracklets of a load to the animals enrolled now, and append the claims that are new.

    Earlier claims stay as history: the latest per tracklet is the one that holds. Running it again with nothing new
    appends nothing.

    Args:
        settings: where the lake is, and ``identity_threshold``.
        load_id: a load of ``device_day``.
        options: how to match.

    Raises:
        NotFoundError: there is no such load.
        NotInitialisedError: there is no lake yet.
        LakeBusyError: other writers held the lake for too long.
    """
    for _ in range(_ATTEMPTS):
        result = _attempt(settings, load_id, options or MatchOptions())
        if result is not None:
            return result
    raise LakeBusyError(f"enrolments or the roster kept changing while {load_id} was matched")


def _attempt(settings: Settings, load_id: str, options: MatchOptions) -> ClaimResult | None:
    """Compute outside the transaction; inside it, append only if what the claims rest on is still so (else None)."""
    with open_lake(settings, read_only=True) as lake:
        basis = _basis(lake)
        claims = decide(gather(lake, load_id, options.overlap_tolerance_s), options)
        new = _new(lake, load_id, claims)
    run_id = secrets.token_hex(8) if new else None
    appended = 0
    if run_id is not None:
        done = transaction.write(settings, lambda lake: _append(lake, load_id, run_id, claims, basis))
        if done is None:
            return None
        appended = done
    claimed = [c for c in claims if c.animal_id is not None]
    identified = sum(c.confidence >= settings.identity_threshold for c in claimed)
    return ClaimResult(load_id, run_id, len(claims), len(claimed), identified, appended)


def loads_of(settings: Settings, *, device_id: str | None = None, day: date | None = None) -> list[str]:
    """Current loads, oldest day first."""
    with open_lake(settings, read_only=True) as lake:
        rows = lake.execute(
            "SELECT load_id FROM device_day WHERE (? IS NULL OR device_id = ?) AND (?::DATE IS NULL OR day = ?::DATE) "
            "ORDER BY day, device_id",
            [device_id, device_id, day, day],
        ).fetchall()
    return [load_id for (load_id,) in rows]


def _basis(lake: duckdb.DuckDBPyConnection) -> tuple[object, ...]:
    """What claims rest on that may change while they are computed."""
    row = lake.execute(
        "SELECT (SELECT (count(*), max(recorded_at)) FROM identity.enrolment), "
        "(SELECT (count(*), max(recorded_at)) FROM roster.pen_stay), "
        "(SELECT (count(*), max(recorded_at)) FROM roster.camera)"
    ).fetchone()
    return row or ()


def _new(lake: duckdb.DuckDBPyConnection, load_id: str, claims: Sequence[Claim]) -> list[Claim]:
    """Claims that differ from the latest of their tracklet."""
    rows = lake.execute(
        "SELECT tracklet_id, animal_id, round(confidence::DOUBLE, 4), method, space_id FROM identity.claim "
        "WHERE load_id = ? QUALIFY row_number() OVER (PARTITION BY tracklet_id ORDER BY recorded_at DESC) = 1",
        [load_id],
    ).fetchall()
    held = {row[0]: Claim(*row) for row in rows}
    return [c for c in claims if held.get(c.tracklet_id) != c]


def _append(
    lake: duckdb.DuckDBPyConnection, load_id: str, run_id: str, claims: Sequence[Claim], basis: tuple[object, ...]
) -> int | None:
    """Append what is new, or nothing (None) when the claims rest on what is no longer so."""
    if _basis(lake) != basis:
        return None
    new = _new(lake, load_id, claims)
    if not new:
        return 0
    last = lake.execute("SELECT max(recorded_at) FROM identity.claim WHERE load_id = ?", [load_id]).fetchone()
    recorded_at = datetime.now(UTC)
    if last is not None and last[0] is not None:  # our clock may have been set back
        recorded_at = max(recorded_at, last[0] + timedelta(microseconds=1))
    incoming = pa.Table.from_pylist(
        [{"claim_id": f"{run_id}-{i:06d}", **vars(claim)} for i, claim in enumerate(new)], schema=_CLAIM
    )
    lake.register("incoming_claims", incoming)
    lake.execute(
        "INSERT INTO identity.claim BY NAME SELECT *, ? AS load_id, ?::TIMESTAMPTZ AS recorded_at, ? AS run_id "
        "FROM incoming_claims",
        [load_id, recorded_at, run_id],
    )
    lake.unregister("incoming_claims")
    return len(new)


_CLAIM = pa.schema(
    [
        pa.field("claim_id", pa.string()),
        pa.field("tracklet_id", pa.string()),
        pa.field("animal_id", pa.string()),
        pa.field("confidence", pa.float32()),
        pa.field("method", pa.string()),
        pa.field("space_id", pa.string()),
    ]
)
