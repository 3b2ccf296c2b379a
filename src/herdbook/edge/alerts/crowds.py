"""How crowded a pen is, minute by minute, from where the animals' boxes are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from herdbook.contracts.alerts import AlertRules, CrowdingRule
from herdbook.contracts.camera import Camera, Zone
from herdbook.edge.alerts.summary import CrowdDay

Place = tuple[float, str, float, float, float, float]
"""A box: seconds since 1970, tracklet, left, top, width and height in pixels."""

LOOKED_AT_S = 1.0
"""Of every minute so much is looked at: one frame at the least."""


def is_looked_at(moment: float) -> bool:
    """Whether an instant, in seconds since 1970, belongs to the part of its minute that counts."""
    return moment % 60 < LOOKED_AT_S


class Crowds:
    """Gathers one camera's boxes; those of other moments are passed over."""

    def __init__(self, camera: Camera, rules: AlertRules) -> None:
        self._camera = camera
        self._rules = [rule for rule in rules.rules if isinstance(rule, CrowdingRule)]
        self._minutes: dict[int, dict[str, tuple[float, float, float]]] = {}
        self._shares: dict[tuple[str, int], tuple[int, float | None]] = {}

    def add(self, places: Iterable[Place]) -> None:
        """Take boxes, in any order; of a tracklet the first of a minute counts."""
        if not self._rules:
            return
        for at, tracklet, x, y, width, height in places:
            if is_looked_at(at):
                seen = self._minutes.setdefault(int(at // 60), {})
                seen.setdefault(tracklet, (x + width / 2, y + height / 2, float(np.hypot(width, height))))

    def days(self, settled: Mapping[str, float]) -> list[CrowdDay]:
        """What each rule measures, of the minutes that are settled in the camera's pen."""
        until = settled.get(self._camera.pen_id, 0.0)
        found = []
        for rule in self._rules:
            shares = {
                m: s for m in sorted(self._minutes) if 60 * (m + 1) <= until and (s := self._of(rule, m)) is not None
            }
            found.append(
                CrowdDay(
                    rule_id=rule.rule_id,
                    camera_id=self._camera.camera_id,
                    pen_id=self._camera.pen_id,
                    minutes=tuple(shares),
                    shares=tuple(round(share, 3) for share in shares.values()),
                )
            )
        return found

    def _of(self, rule: CrowdingRule, minute: int) -> float | None:
        places = self._minutes[minute]
        known = self._shares.get((rule.rule_id, minute))
        if known is None or known[0] != len(places):
            share = None
            if len(places) >= rule.animals:
                at = datetime.fromtimestamp(60 * minute, UTC)
                share = crowd_share(rule, np.array(list(places.values())), self._camera.zones_at(at))
            known = self._shares[(rule.rule_id, minute)] = (len(places), share)
        return known[1]


def crowd_share(rule: CrowdingRule, places: NDArray[np.float64], zones: Sequence[Zone]) -> float | None:
    """Share of animals that are together.

    Args:
        rule: by distance or by zone.
        places: ``[n, 3]`` centre and diagonal of each box, pixels.
        zones: those that hold.

    Returns:
        0..1; none where the camera has no zone of the rule's kind.
    """
    centre = places[:, :2]
    if rule.distance is not None:
        apart = np.linalg.norm(centre[:, None] - centre[None], axis=2)
        near = (apart <= rule.distance * float(np.median(places[:, 2]))).sum(axis=1) - 1
        return float((near >= rule.neighbours).mean())
    asked = [np.array(zone.polygon) for zone in zones if zone.kind is rule.zone]
    if not asked:
        return None
    return float(np.any([inside(polygon, centre) for polygon in asked], axis=0).mean())


def inside(polygon: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which points lie in a polygon, by the even-odd rule (a ray to the right crosses its edges an odd time)."""
    x, y = points[:, 0:1], points[:, 1:2]
    x1, y1 = polygon.T
    x2, y2 = np.roll(polygon, -1, axis=0).T
    crosses = (y1 > y) != (y2 > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = x1 + (y - y1) / (y2 - y1) * (x2 - x1)
    return np.asarray((crosses & (x < at)).sum(axis=1) % 2 == 1)
