"""Zones of the picture: what lies in them, how far it is to them, and which hold at an instant."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from herdbook.contracts.camera import Camera, Zone, ZoneKind
from herdbook.edge.perception.base import Track

Points = NDArray[np.float64]
"""N x 2, pixels."""
_Bools = NDArray[np.bool_]


class Places(NamedTuple):
    """Where a track's animal was at each step."""

    names: tuple[str | None, ...]
    feeding: _Bools
    """It reaches into a feeder."""
    drinking: _Bools
    bedded: _Bools
    """It is in a lying area."""


def places_of(track: Track, camera: Camera) -> Places:
    """The zone of each step; a feeder counts before a lying area, a drinker before both."""
    steps = len(track.seconds)
    names: list[str | None] = [None] * steps
    feeding, drinking, bedded = np.zeros(steps, bool), np.zeros(steps, bool), np.zeros(steps, bool)
    order = {ZoneKind.LYING: 0, ZoneKind.FEEDER: 1, ZoneKind.DRINKER: 2}
    for zone in sorted((z for z in camera.zones if z.kind in order), key=lambda z: order[z.kind]):
        held = _valid(zone, track)
        within = inside(track.centre, zone)
        if zone.kind is ZoneKind.LYING:
            there = held & within
            bedded[there] = True
        else:
            there = held & (within | inside(track.ends[:, 0], zone) | inside(track.ends[:, 1], zone))
            (feeding if zone.kind is ZoneKind.FEEDER else drinking)[there] = True
        for i in np.flatnonzero(there):
            names[i] = zone.zone_id
    return Places(tuple(names), feeding, drinking, bedded)


def _valid(zone: Zone, track: Track) -> _Bools:
    return np.array([zone.holds_at(track.started_at + timedelta(seconds=float(s))) for s in track.seconds], bool)


def inside(points: Points, zone: Zone) -> _Bools:
    """Even-odd rule (Shimrat 1962) for N points at once."""
    polygon = np.array(zone.polygon)
    x, y = points[:, :1], points[:, 1:]
    (x1, y1), (x2, y2) = polygon.T[:, None, :], np.roll(polygon, -1, axis=0).T[:, None, :]
    crosses = (y1 > y) != (y2 > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        left = x < (x2 - x1) * (y - y1) / (y2 - y1) + x1
    return np.asarray((crosses & left).sum(axis=1) % 2 == 1)


def distance(points: Points, zones: Iterable[Zone]) -> NDArray[np.float64]:
    """Pixels from each of N points to the nearest zone's edge: 0 inside, infinite where there is no zone."""
    nearest = np.full(len(points), np.inf)
    for zone in zones:
        begin = np.array(zone.polygon)
        along = np.roll(begin, -1, axis=0) - begin
        squared = np.maximum((along**2).sum(1), 1e-12)
        share = np.clip(((points[:, None] - begin) * along).sum(2) / squared, 0, 1)
        away = np.linalg.norm(points[:, None] - (begin + share[..., None] * along), axis=2).min(axis=1)
        nearest = np.minimum(nearest, np.where(inside(points, zone), 0.0, away))
    return nearest
