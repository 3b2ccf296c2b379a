"""How far and how fast a tracklet moved in each UTC hour, in pixels and, where the camera is calibrated, in metres."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from herdbook.contracts.camera import Calibration, Camera
from herdbook.edge.tracklets import Tracklet, hour_of

Floats = NDArray[np.float64]

DEAD_BAND = 0.1
"""Body lengths an animal must move before it counts: the outline of a lying animal trembles all night."""


def hourly(tracklet: Tracklet, camera: Camera, release_id: str, tracklet_id: str) -> list[dict[str, Any]]:
    """Rows of the activity record. Metres are null in an hour in which the calibration is absent or changed.

    Movement belongs to the hour in which its step begins; an hour that holds less than the end of one has no row.
    """
    track, area = tracklet.path()
    at = [tracklet.started_at + timedelta(seconds=float(s)) for s in track.seconds]
    hours = [hour_of(moment) for moment in at]
    moved_px = moves(track.centre, DEAD_BAND * float(np.median(track.length)))
    rows = []
    for hour in sorted(set(hours)):
        here = np.flatnonzero([h == hour for h in hours])
        first = at[here[0]]
        calibration = _only_calibration(camera, [at[i] for i in (here[0], here[-1])])
        row: dict[str, Any] = {
            "tracklet_id": tracklet_id,
            "hour": hour,
            "observed_s": tracklet.observed.get(hour, timedelta()).total_seconds(),
            "distance_px": float(moved_px[here].sum()),
            "distance_m": None,
            "speed_p95_m_s": None,
            "body_length_m": None,
            "body_area_m2": None,
            "calibration_id": None,
            "clip": tracklet.clip_at(max(first, tracklet.started_at)),
            "release_id": release_id,
        }
        if calibration is not None:
            ends = to_metres(calibration, track.ends[here].reshape(-1, 2)).reshape(-1, 2, 2)
            length = float(np.median(np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1)))
            # The step into this hour began in the one before, unless the tracklet did not.
            span = np.arange(max(0, here[0] - 1), here[-1] + 1)
            metres = to_metres(calibration, track.centre[span])
            moved = moves(metres, DEAD_BAND * length)[len(span) - len(here) :]
            row |= {
                "distance_m": float(moved.sum()),
                "speed_p95_m_s": _speed_p95(metres, track.seconds[span], track.step_s),
                "body_length_m": length,
                "body_area_m2": float(np.median(area[here] * square_metres_per_pixel(calibration, track.centre[here]))),
                "calibration_id": calibration.calibration_id,
            }
        rows.append(row)
    return rows


def moves(centre: Floats, dead_band: float) -> Floats:
    """Distance that each step adds, in the input's unit: 0 until the animal left a dead band around where it was."""
    added = np.zeros(len(centre))
    anchor = centre[0] if len(centre) else None
    for i in range(1, len(centre)):
        step = float(np.hypot(*(centre[i] - anchor)))
        if step > dead_band:
            added[i] = step
            anchor = centre[i]
    return added


def to_metres(calibration: Calibration, points: Floats) -> Floats:
    """N x 2 pixels to metres on the floor, by the plane homography."""
    h = np.array(calibration.homography).reshape(3, 3)
    projected = np.column_stack([points, np.ones(len(points))]) @ h.T
    return np.asarray(projected[:, :2] / projected[:, 2:])


def square_metres_per_pixel(calibration: Calibration, points: Floats) -> Floats:
    """Floor area that one pixel covers at each point: the Jacobian determinant of the homography, det H / W^3."""
    h = np.array(calibration.homography).reshape(3, 3)
    w = np.column_stack([points, np.ones(len(points))]) @ h[2]
    return np.asarray(np.abs(np.linalg.det(h) / w**3))


def _speed_p95(metres: Floats, seconds: Floats, step_s: float) -> float:
    """95th percentile of speed over centred windows of two seconds, metres per second."""
    half = max(1, round(1.0 / step_s))
    index = np.arange(len(seconds))
    before, after = np.maximum(index - half, 0), np.minimum(index + half, len(index) - 1)
    elapsed = seconds[after] - seconds[before]
    moved = np.linalg.norm(metres[after] - metres[before], axis=1)
    speed = np.divide(moved, elapsed, out=np.zeros(len(index)), where=elapsed > 0)
    return float(np.percentile(speed, 95)) if len(speed) else 0.0


def _only_calibration(camera: Camera, moments: list[datetime]) -> Calibration | None:
    found = {id(c): c for c in (camera.calibration_at(m) for m in moments)}
    return next(iter(found.values())) if len(found) == 1 else None
