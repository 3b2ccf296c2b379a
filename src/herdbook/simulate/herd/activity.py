"""Hourly movement and size per tracklet: metres while walking, and a body that grows with days on the farm."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from herdbook.contracts.ethogram import load_ethogram
from herdbook.simulate.herd.columns import moments, named, same
from herdbook.simulate.herd.records import Filled
from herdbook.simulate.herd.species import SPECIES
from herdbook.simulate.herd.tracklets import Longs
from herdbook.simulate.streams import stream

HOUR = 3_600_000_000
PIXELS_PER_M = 160.0
PACE_M_S, PACE_SD = 0.45, 0.15
"""Walking speed of a sound animal, and the standard deviation of animals' log speeds: choices."""
LENGTH_PER_CUBE_ROOT_KG = 0.27
"""Body length in metres over the cube root of the weight: a choice that gives 1.25 m at 100 kg."""
MEASURED_SD = 0.02
CALIBRATION = "flat-1"
_HOMOGRAPHY = [1 / PIXELS_PER_M, 0.0, 0.0, 0.0, 1 / PIXELS_PER_M, 0.0, 0.0, 0.0, 1.0]


def activity_rows(f: Filled) -> Iterator[pa.Table]:
    """``record.activity``, ordered by tracklet and hour; nothing where the plan does not ask for it."""
    if not f.plan.detail.activity or not len(f.order):
        return
    t, order = f.tracklets, f.order
    cell = t.cell[order]
    tracklet, hour, seconds = _by_hour(f.moment(cell, t.start[order]), f.moment(cell, t.stop[order]))
    walked = _walked(f, tracklet, hour)
    rng = stream(f.plan.seed, f.plan.farm_id, f.chunk.device, f.chunk.first, "activity")
    animal = f.cells.animal[cell[tracklet]]
    steps = rng.standard_normal(len(tracklet)) * 0.1
    pace = _paces(f)[animal] * np.exp(steps)
    metres = walked * pace
    length = _lengths(f, cell[tracklet]) * (1 + MEASURED_SD * rng.standard_normal(len(tracklet)))
    day = f.day_of[order][tracklet]
    rows = len(tracklet)
    yield pa.table(
        {
            "load_id": named(day, f.loads),
            "tracklet_id": named(tracklet, f.tracklet_ids),
            "hour": moments(hour * HOUR),
            "observed_s": seconds.astype(np.float32),
            "distance_px": np.round(metres * PIXELS_PER_M, 1).astype(np.float32),
            "distance_m": np.round(metres, 3).astype(np.float32),
            "speed_p95_m_s": np.round(np.where(walked > 0, pace * 1.3, 0.05), 3).astype(np.float32),
            "body_length_m": np.round(length, 4).astype(np.float32),
            "body_area_m2": np.round(0.27 * length**2, 4).astype(np.float32),
            "calibration_id": same(CALIBRATION, rows),
            "clip": same(None, rows),
            "release_id": named(f.part.release[f.chunk.first + day], [r.release_id for r in f.plan.releases]),
        }
    )


def calibration_rows(f: Filled) -> pa.Table:
    """``record.calibration``: that of every camera, in every load; none where no activity is asked for."""
    pens, days = f.plan.pens_per_device, len(f.loads) if f.plan.detail.activity else 0
    rows = pens * days
    return pa.table(
        {
            "load_id": named(np.repeat(np.arange(days), pens), f.loads),
            "calibration_id": same(CALIBRATION, rows),
            "camera_id": pa.array([f.names.camera(f.chunk.device, p) for p in range(pens)] * days, pa.string()),
            "valid_from": moments(np.full(rows, f.midnight[0] - HOUR)),
            "homography": pa.array([_HOMOGRAPHY] * rows, pa.list_(pa.float64())),
            "error_m": same(0.02, rows, pa.float64()),
        }
    )


def _by_hour(start: Longs, stop: Longs) -> tuple[Longs, Longs, NDArray[np.float64]]:
    """Cut intervals of microseconds at full hours of UTC: which interval, which hour since 1970, seconds."""
    first = start // HOUR
    hours = (stop - 1) // HOUR - first + 1
    which = np.repeat(np.arange(len(start)), hours)
    hour = first[which] + np.arange(len(which)) - np.repeat(np.cumsum(hours) - hours, hours)
    seconds = (np.minimum(stop[which], (hour + 1) * HOUR) - np.maximum(start[which], hour * HOUR)) / 1e6
    return which, hour, seconds


def _walked(f: Filled, tracklet: Longs, hour: Longs) -> NDArray[np.float64]:
    """Seconds of walking in each tracklet's hours."""
    b = f.bouts
    walking = load_ethogram(SPECIES[f.plan.species].ethogram_id).names.index("walking")
    mine = b.behaviour == walking
    of, cell = b.tracklet[mine], f.tracklets.cell[b.tracklet[mine]]
    bout, at, seconds = _by_hour(f.moment(cell, b.start[mine]), f.moment(cell, b.stop[mine]))
    base = int(hour.min())
    span = int(hour.max()) - base + 1
    keys = tracklet * span + (hour - base)  # in rising order
    found = np.searchsorted(keys, f.number[of[bout]] * span + (at - base))
    return np.bincount(found, seconds, minlength=len(keys)).astype(np.float64)


def _paces(f: Filled) -> NDArray[np.float64]:
    rng = stream(f.plan.seed, f.plan.farm_id, f.chunk.device, "paces")
    return np.asarray(PACE_M_S * np.exp(PACE_SD * rng.standard_normal(len(f.part.animals))))


def _lengths(f: Filled, cell: NDArray[np.int32]) -> NDArray[np.float64]:
    """Body length in metres on the cells' days."""
    figures = SPECIES[f.plan.species]
    days = f.cells.day[cell] - f.part.animals.entry[f.cells.animal[cell]]
    weight = np.minimum(figures.first_kg + figures.gain_kg * days, figures.grown_kg)
    return np.asarray(LENGTH_PER_CUBE_ROOT_KG * np.cbrt(weight))
