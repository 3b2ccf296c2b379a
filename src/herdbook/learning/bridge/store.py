"""Bridge runs in the lake: what was read by which releases, and what came of it. Append-only."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version

import duckdb

from herdbook.errors import ConfigurationError, NotFoundError, TransferCorruptError
from herdbook.identity.bridge import bridges_folder, read_map, write_map
from herdbook.lake import transaction
from herdbook.lake.attach import open_lake
from herdbook.lake.migrate import require_current
from herdbook.lake.rows import insert_rows
from herdbook.learning.bridge.align import Alignment
from herdbook.learning.bridge.behaviour import Difference
from herdbook.learning.evaluation.predictions import Engine
from herdbook.settings import Settings

_SAME = """
SELECT r.bridge_id, s.map_sha256
FROM bridge.run AS r JOIN bridge.space AS s USING (bridge_id)
WHERE r.from_release_id = ? AND r.to_release_id = ? AND r.from_sha256 = ? AND r.to_sha256 = ? AND r.clips = ?
ORDER BY r.made_at DESC
LIMIT 1
"""
_OTHER = """
SELECT DISTINCT release_id FROM (
    SELECT from_release_id AS release_id, from_sha256 AS sha256 FROM bridge.run
    UNION ALL SELECT to_release_id, to_sha256 FROM bridge.run
    UNION ALL SELECT release_id, engine_sha256 FROM record.reading
) WHERE release_id = ? AND sha256 <> ?
UNION
SELECT DISTINCT release_id FROM record.model_release
WHERE release_id = ? AND (engine, space_id, dimensions, ethogram_id) IS DISTINCT FROM (?, ?, ?, ?)
"""


@dataclass(frozen=True)
class Bridged:
    """What two releases make of the same footage."""

    old: Engine
    new: Engine
    clips: tuple[str, ...]
    """Digests."""
    seconds: float
    behaviours: Sequence[Difference]
    alignment: Alignment


def known_bridge(settings: Settings, old: Engine, new: Engine, clips: Sequence[str]) -> str | None:
    """The bridge run of these very releases on these very clips, if there is one and its map is still here.

    Raises:
        NotInitialisedError: there is no lake.
        ConfigurationError: the lake knows another release of one of these names.
    """
    with open_lake(settings, read_only=True) as lake:
        require_current(lake)
        for engine in (old, new):
            _require_same(lake, engine)
        told = [old.release.release_id, new.release.release_id, old.digest, new.digest, sorted(clips)]
        row = lake.execute(_SAME, told).fetchone()
    if row is None:
        return None
    bridge_id, digest = row
    if digest is not None:
        try:
            read_map(bridges_folder(settings.registry), digest)
        except (NotFoundError, TransferCorruptError):
            return None
    return str(bridge_id)


def store_bridge(settings: Settings, bridged: Bridged) -> str:
    """Keep the map, then append the run in one transaction; its id.

    Raises:
        LakeBusyError: other writers held the lake for too long.
        DiskFullError: no space is left.
    """
    made = bridged.alignment.map
    digest = None if made is None else write_map(bridges_folder(settings.registry), made)
    bridge_id = secrets.token_hex(8)
    transaction.write(settings, lambda lake: _append(lake, bridge_id, bridged, digest))
    return bridge_id


def _append(lake: duckdb.DuckDBPyConnection, bridge_id: str, bridged: Bridged, digest: str | None) -> None:
    require_current(lake)
    old, new = bridged.old, bridged.new
    run = {
        "bridge_id": bridge_id,
        "from_release_id": old.release.release_id,
        "to_release_id": new.release.release_id,
        "from_sha256": old.digest,
        "to_sha256": new.digest,
        "clips": sorted(bridged.clips),
        "seconds": bridged.seconds,
        "software_version": version("herdbook"),
        "made_at": datetime.now(UTC),
    }
    space = {
        "bridge_id": bridge_id,
        "from_space_id": old.release.space_id,
        "to_space_id": new.release.space_id,
        "from_dimensions": old.release.dimensions,
        "to_dimensions": new.release.dimensions,
        "map_sha256": digest,
    }
    measured = {name: value for name, value in vars(bridged.alignment).items() if name != "map"}
    insert_rows(lake, "bridge.run", [run])
    insert_rows(lake, "bridge.behaviour", [{"bridge_id": bridge_id} | asdict(one) for one in bridged.behaviours])
    insert_rows(lake, "bridge.space", [space | measured])


def _require_same(lake: duckdb.DuckDBPyConnection, engine: Engine) -> None:
    """A release's name stands for one thing, for ever."""
    release = engine.release
    thing = [release.engine, release.space_id, release.dimensions, release.ethogram_id]
    if lake.execute(_OTHER, [release.release_id, engine.digest, release.release_id, *thing]).fetchone():
        raise ConfigurationError(
            f"the lake knows another release '{release.release_id}' with other files, engine, space or ethogram",
            "Name the release that the devices ran, or give this one a name of its own.",
        )
