"""Claims: match a loaded device day's tracklets to enrolled animals, and append what is new."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import duckdb
import pyarrow as pa

from herdbook.errors import LakeBusyError
from herdbook.identity.bridge import bridges_folder
from herdbook.identity.decisions import HOLDS
from herdbook.identity.gather import gather
from herdbook.lake import transaction
from herdbook.lake.attach import open_lake
from herdbook.lake.rows import insert_rows
from herdbook.matching.decide import Claim, MatchOptions, decide
from herdbook.settings import Settings

_ATTEMPTS = 5


@dataclass(frozen=True)
class ClaimResult:
    """What was claimed of a load's tracklets."""

    load_id: str
    run_id: str
    """Of the claims that were appended."""
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
    appends no claim, only that it was done.

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
        bridges = bridges_folder(settings.registry)
        claims = decide(gather(lake, load_id, options.overlap_tolerance_s, bridges=bridges), options)
    run_id = secrets.token_hex(8)
    appended = transaction.write(settings, lambda lake: _append(lake, load_id, run_id, claims, basis))
    if appended is None:
        return None
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


def _basis(lake: duckdb.DuckDBPyConnection) -> list[tuple[int, datetime | None]]:
    """What claims rest on that may change while they are computed: rows, and when the last of them was recorded."""
    return lake.execute(
        "SELECT count(*), max(recorded_at) FROM identity.enrolment "
        "UNION ALL SELECT count(*), max(recorded_at) FROM roster.pen_stay "
        "UNION ALL SELECT count(*), max(recorded_at) FROM roster.camera "
        "UNION ALL SELECT count(*), max(made_at) FROM bridge.run "
        "UNION ALL SELECT count(*), max(recorded_at) FROM identity.operation"
    ).fetchall()


def _new(lake: duckdb.DuckDBPyConnection, load_id: str, claims: Sequence[Claim]) -> list[Claim]:
    """Claims that differ from the latest of their tracklet, or follow one that was set aside.

    Of tracklets that a person decided none is made: should the decision be undone, the claim from before it is there.
    """
    rows = lake.execute(_HELD, [load_id]).fetchall()
    held = {row[0]: Claim(*row[:5]) for row in rows if not row[5]}
    decided = {row[0] for row in lake.execute(_DECIDED, [load_id]).fetchall()}
    return [c for c in claims if c.tracklet_id not in decided and held.get(c.tracklet_id) != c]


def _append(
    lake: duckdb.DuckDBPyConnection,
    load_id: str,
    run_id: str,
    claims: Sequence[Claim],
    basis: list[tuple[int, datetime | None]],
) -> int | None:
    """Append what is new and that it was looked for; or nothing (None) when the claims rest on what is no longer so."""
    if _basis(lake) != basis:
        return None
    new = _new(lake, load_id, claims)
    earlier = [at for _, at in basis if at is not None]
    earlier += [at for (at,) in lake.execute(_LAST_OF_LOAD, [load_id, load_id]).fetchall() if at is not None]
    # later than all that it rests on and replaces, even if our clock was set back
    recorded_at = max([datetime.now(UTC), *(at + timedelta(microseconds=1) for at in earlier)])
    run = {"run_id": run_id, "load_id": load_id, "tracklets": len(claims), "claims": len(new)}
    insert_rows(lake, "identity.run", [run | {"recorded_at": recorded_at}])
    if not new:
        return 0
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


_DECIDED = f"""
SELECT tracklet_id FROM identity.decision AS x
WHERE load_id = ? AND says IN ('is', 'nobody') AND {HOLDS.format("x")}
"""  # noqa: S608 - ours
_HELD = f"""
SELECT
    c.tracklet_id, c.animal_id, round(c.confidence::DOUBLE, 4), c.method, c.space_id,
    coalesce(a.recorded_at > c.recorded_at, false) AS set_aside
FROM identity.claim AS c
LEFT JOIN (
    SELECT load_id, tracklet_id, max(recorded_at) AS recorded_at
    FROM identity.decision AS x
    WHERE says = 'set aside' AND {HOLDS.format("x")}
    GROUP BY ALL
) AS a USING (load_id, tracklet_id)
WHERE c.load_id = ?
QUALIFY row_number() OVER (PARTITION BY c.tracklet_id ORDER BY c.recorded_at DESC) = 1
"""  # noqa: S608 - ours
_LAST_OF_LOAD = (
    "SELECT max(recorded_at) FROM identity.claim WHERE load_id = ? "
    "UNION ALL SELECT max(recorded_at) FROM identity.run WHERE load_id = ?"
)

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
