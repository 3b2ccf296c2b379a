"""Enrolled animals in the space of the day: after a change of model what they looked like before, over a bridge.

Only where the bridge loses little: otherwise animals of the old space are unknown until they are enrolled again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np

from herdbook.errors import NotFoundError, TransferCorruptError
from herdbook.identity.bridge import Bridge, find_bridge
from herdbook.matching.evidence import Looks, References

KEEPS = 0.9
"""Share of the new space's own rank-1 that a bridge must keep before claims rest on it."""
QUERIES = 50
"""From so many its rank-1 is known well enough: of 0.9 the 95 % interval is 0.78 to 0.97 (Clopper and Pearson)."""


def cross(
    lake: duckdb.DuckDBPyConnection, folder: Path, looks: Sequence[Looks], references: Sequence[References]
) -> tuple[References, ...]:
    """References in the spaces of a day's looks; those of other spaces come over bridges that are good enough.

    An animal that is enrolled in the day's own space stays as it is there. Of several old spaces the first by name
    that has a bridge speaks for an animal.

    Args:
        lake: an open lake.
        folder: where maps are kept: `herdbook.identity.bridge.bridges_folder`.
        looks: of the day, per space.
        references: of its animals, per space.
    """
    found = {r.space_id: r for r in references}
    for space in sorted({x.space_id for x in looks}):
        for other in sorted(references, key=lambda r: r.space_id):
            if other.space_id == space:
                continue
            bridge = _bridge(lake, folder, other.space_id, space)
            if bridge is not None:
                found[space] = _joined(found.get(space), other, bridge)
    return tuple(found[space] for space in sorted(found))


def good_enough(bridge: Bridge) -> bool:
    """Whether claims may rest on it: it finds animals nearly as well as the new space does, and this was measured on
    enough looks, of clips that its map was not made from."""
    if bridge.rank1_across is None or not bridge.rank1_within:
        return False
    if bridge.queries < QUERIES or bridge.held_out == "track":
        return False
    return bridge.rank1_across >= KEEPS * bridge.rank1_within


def _bridge(lake: duckdb.DuckDBPyConnection, folder: Path, from_space: str, to_space: str) -> Bridge | None:
    try:
        bridge = find_bridge(lake, folder, from_space, to_space)
    except (NotFoundError, TransferCorruptError):  # then the spaces are not compared
        return None
    return bridge if good_enough(bridge) else None


def _joined(own: References | None, other: References, bridge: Bridge) -> References:
    known = np.zeros(0, np.int64) if own is None else own.animals
    new = ~np.isin(other.animals, known)
    mapped = bridge.map.apply(other.mean[new], other.space_id)
    over = frozenset(int(animal) for animal in other.animals[new])
    night = None if other.night is None else other.night[new]
    seen_s = None if other.seen_s is None else other.seen_s[new]
    if own is None:
        return References(bridge.map.to_space, other.animals[new], mapped, over, night=night, seen_s=seen_s)
    animals, mean = np.concatenate([own.animals, other.animals[new]]), np.concatenate([own.mean, mapped])
    return References(
        own.space_id,
        animals,
        mean,
        own.over | over,
        night=None if own.night is None or night is None else np.concatenate([own.night, night]),
        seen_s=None if own.seen_s is None or seen_s is None else np.concatenate([own.seen_s, seen_s]),
    )
