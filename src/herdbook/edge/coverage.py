"""When a camera was on, degraded or off during a day: rows that never overlap and together fill the day so far."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from herdbook.contracts.records import CameraState

_ORDER = {CameraState.DEGRADED: 0, CameraState.ON: 1, CameraState.OFF: 2}


@dataclass(frozen=True)
class Spell:
    """What a camera was doing from ``start`` until ``end`` (excluded), and why where it was not simply on."""

    start: datetime
    end: datetime
    state: CameraState
    reason: str | None = None


def lay(spells: list[Spell], start: datetime, end: datetime, otherwise: str) -> list[Spell]:
    """Spells as a partition of ``[start, end)``.

    Where spells overlap, degraded wins over on (damage lies inside a clip) and on over off (there is footage after
    all); what none of them speaks of is off, for the reason `otherwise`. Neighbours that say the same become one.
    """
    edges = sorted({start, end, *(t for s in spells for t in (s.start, s.end) if start < t < end)})
    laid: list[Spell] = []
    current = sorted(spells, key=lambda s: (_ORDER[s.state], s.start))
    for left, right in pairwise(edges):
        telling = next((s for s in current if s.start <= left and right <= s.end), None)
        state, reason = (telling.state, telling.reason) if telling else (CameraState.OFF, otherwise)
        if laid and (laid[-1].state, laid[-1].reason) == (state, reason):
            laid[-1] = Spell(laid[-1].start, right, state, reason)
        else:
            laid.append(Spell(left, right, state, reason))
    return laid


def rows(camera_id: str, spells: list[Spell]) -> list[dict[str, Any]]:
    """Spells as rows of the coverage record."""
    return [
        {
            "camera_id": camera_id,
            "started_at": spell.start,
            "ended_at": spell.end,
            "state": spell.state.value,
            "reason": None if spell.state is CameraState.ON else spell.reason,
        }
        for spell in spells
    ]
