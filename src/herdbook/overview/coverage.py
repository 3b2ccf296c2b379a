"""How long each camera saw, and why it did not: from the published herd, so that no page holds up the lake."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import duckdb

from herdbook.lake.published import open_published
from herdbook.settings import Settings

SHORTEST_GAP_S = 60.0
"""Shorter ones count in the hours and are not listed."""


@dataclass(frozen=True)
class CameraDay:
    """A camera's farm-local day, in hours. What no row speaks of is off."""

    farm: str
    device: str
    camera: str
    day: date
    length_h: float
    """Of the day: 23, 24 or 25."""
    on_h: float
    degraded_h: float


@dataclass(frozen=True)
class Gap:
    """Time that a camera did not see, or saw badly."""

    device: str
    camera: str
    day: date
    state: str
    """``off`` or ``degraded``."""
    reason: str
    started_at: datetime
    ended_at: datetime


_DAYS = """
SELECT d.farm_id, d.device_id, s.camera_id, d.day, epoch(d.ends_at - d.starts_at) / 3600,
    coalesce(sum(epoch(c.ended_at - c.started_at)) FILTER (c.state = 'on'), 0) / 3600,
    coalesce(sum(epoch(c.ended_at - c.started_at)) FILTER (c.state = 'degraded'), 0) / 3600
FROM device_day AS d
JOIN camera_setup AS s USING (device_id, day)
LEFT JOIN coverage AS c ON c.device_id = d.device_id AND c.day = d.day AND c.camera_id = s.camera_id
WHERE d.day > $last - $days::INTEGER AND d.day <= $last
GROUP BY ALL
ORDER BY d.device_id, s.camera_id, d.day
"""
_GAPS = """
SELECT device_id, camera_id, day, state, coalesce(reason, 'no reason was given'), started_at, ended_at
FROM coverage
WHERE state <> 'on' AND epoch(ended_at - started_at) >= $shortest AND day > $last - $days::INTEGER AND day <= $last
ORDER BY started_at DESC, device_id, camera_id
LIMIT $most
"""


def coverage(settings: Settings, days: int = 7, *, most: int = 300) -> tuple[list[CameraDay], list[Gap]]:
    """The last days that are published, by device, camera and day, and their gaps, the newest first.

    Args:
        settings: where the published herd is.
        days: how many, up to the newest in it.
        most: gaps at most.

    Raises:
        NotFoundError: nothing was published yet.
    """
    with open_published(settings.published) as herd:
        (last,) = herd.execute("SELECT max(day) FROM device_day").fetchone() or (None,)
        if last is None:
            return [], []
        told = {"last": last, "days": days}
        cameras = [CameraDay(*row) for row in _rows(herd, _DAYS, told)]
        return cameras, [Gap(*row) for row in _rows(herd, _GAPS, told | {"most": most, "shortest": SHORTEST_GAP_S})]


def watched(settings: Settings) -> float | None:
    """Share of the newest published day, over all cameras, that they saw, well or badly; none before the first.

    Raises:
        NotFoundError: nothing was published yet.
    """
    cameras, _ = coverage(settings, 1)
    length = sum(camera.length_h for camera in cameras)
    return sum(camera.on_h + camera.degraded_h for camera in cameras) / length if length else None


def _rows(herd: duckdb.DuckDBPyConnection, query: str, told: dict[str, object]) -> list[tuple[Any, ...]]:
    return herd.execute(query, told).fetchall()
