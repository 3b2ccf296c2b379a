"""A chunk's records as rows of the lake's tables: device days, cameras, coverage, tracklets, bouts, claims."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pyarrow as pa

from herdbook.contracts.ethogram import load_ethogram
from herdbook.simulate.herd.bouts import Bouts, behave
from herdbook.simulate.herd.cells import Cells, Chunk, cells_of
from herdbook.simulate.herd.columns import moments, named, same
from herdbook.simulate.herd.days import DeviceDays
from herdbook.simulate.herd.names import FPS, Names, midnights
from herdbook.simulate.herd.plan import HerdPlan
from herdbook.simulate.herd.population import Ints
from herdbook.simulate.herd.species import SPECIES
from herdbook.simulate.herd.tracklets import Longs, Tracklets, follow
from herdbook.simulate.streams import stream

SOFTWARE = "herdbook-simulate-herd/1"
METHOD = "simulated/1"
LOADED_AFTER, CLAIMED_AFTER = (hours * 3_600_000_000 for hours in (3, 4))
"""A day is loaded so long after its end, and its tracklets claimed."""
UNKNOWN_CONFIDENCE = 0.2


@dataclass(frozen=True)
class Filled:
    """A chunk with its bouts, and what its rows are called. Tracklets are numbered by day, camera and start."""

    plan: HerdPlan
    names: Names
    chunk: Chunk
    part: DeviceDays
    cells: Cells
    tracklets: Tracklets
    bouts: Bouts
    tracklet_ids: list[str]
    """By number."""
    order: Longs
    """``[m]`` tracklets by number."""
    number: Longs
    """``[m]`` numbers by tracklet."""
    midnight: Longs
    """``[chunk days]`` microseconds UTC."""
    loads: list[str]
    """``[chunk days]``"""

    def moment(self, cell: Ints, second: Ints) -> Longs:
        """Microseconds UTC of seconds since the midnights of cells."""
        return np.asarray(self.midnight[self.cells.day[cell] - self.chunk.first] + second * np.int64(1_000_000))

    @property
    def day_of(self) -> Ints:
        """``[m]`` day of each tracklet in the chunk, 0 the first."""
        return np.asarray(self.cells.day[self.tracklets.cell] - self.chunk.first)


def fill(plan: HerdPlan, chunk: Chunk) -> Filled:
    """Draw a chunk's bouts; the same whichever process does it, and in whatever order."""
    part, cells = cells_of(plan, chunk)
    rng = stream(plan.seed, plan.farm_id, chunk.device, chunk.first, "bouts")
    tracklets = follow(plan, cells, rng)
    bouts = behave(plan, cells, tracklets, rng)
    names = Names(plan)
    day, pen = cells.day[tracklets.cell], cells.pen[tracklets.cell]
    order = np.lexsort((tracklets.cell, tracklets.start, pen, day))
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order))
    group = day[order].astype(np.int64) * plan.pens_per_device + pen[order]
    begins = np.append(True, group[1:] != group[:-1])[: len(group)]
    first = np.maximum.accumulate(np.where(begins, np.arange(len(group)), 0))
    within = np.arange(len(group)) - first + 1
    prefixes = {
        int(g): f"{names.device(chunk.device)}:{names.day(int(g) // plan.pens_per_device)}:"
        f"{names.camera(chunk.device, int(g) % plan.pens_per_device)}:"
        for g in group[begins]
    }
    ids = [f"{prefixes[g]}{n:05d}" for g, n in zip(group.tolist(), within.tolist(), strict=True)]
    span = range(chunk.first, chunk.stop)
    loads = [names.load(chunk.device, day) for day in span]
    midnight = midnights(plan, chunk.first, chunk.stop)
    return Filled(plan, names, chunk, part, cells, tracklets, bouts, ids, order, number, midnight, loads)


def tracklet_rows(f: Filled) -> pa.Table:
    """``record.tracklet``."""
    t, order = f.tracklets, f.order
    cell, rng = t.cell[order], stream(f.plan.seed, f.plan.farm_id, f.chunk.device, f.chunk.first, "tracklets")
    confidence = np.round(0.99 - 0.25 * rng.random(len(order), dtype=np.float32) ** 2, 3)
    cameras = [f.names.camera(f.chunk.device, pen) for pen in range(f.plan.pens_per_device)]
    return pa.table(
        {
            "load_id": named(f.day_of[order], f.loads),
            "tracklet_id": pa.array(f.tracklet_ids, pa.string()),
            "camera_id": named(f.cells.pen[cell], cameras),
            "started_at": moments(f.moment(cell, t.start[order])),
            "ended_at": moments(f.moment(cell, t.stop[order])),
            "frames": ((t.stop - t.start)[order] * FPS).astype(np.int32),
            "confidence": confidence.astype(np.float32),
            "clip": same(None, len(order)),
            "release_id": _release(f, f.day_of[order]),
        }
    )


def bout_rows(f: Filled) -> pa.Table:
    """``record.bout``, ordered by tracklet and time."""
    b = f.bouts
    order = np.argsort(f.number[b.tracklet] * (1 << 17) + b.start, kind="stable")
    tracklet = b.tracklet[order]
    cell = f.tracklets.cell[tracklet]
    rng = stream(f.plan.seed, f.plan.farm_id, f.chunk.device, f.chunk.first, "probabilities")
    probability = np.round(0.6 + 0.39 * np.sqrt(rng.random(len(order), dtype=np.float32)), 2)
    day = f.day_of[tracklet]
    return pa.table(
        {
            "load_id": named(day, f.loads),
            "tracklet_id": named(f.number[tracklet], f.tracklet_ids),
            "started_at": moments(f.moment(cell, b.start[order])),
            "ended_at": moments(f.moment(cell, b.stop[order])),
            "behaviour": named(b.behaviour[order], load_ethogram(SPECIES[f.plan.species].ethogram_id).names),
            "probability": probability.astype(np.float32),
            "zone_id": same(None, len(order)),
            "clip": same(None, len(order)),
            "release_id": _release(f, day),
        }
    )


def claim_rows(f: Filled) -> pa.Table:
    """``identity.claim``: of each tracklet one claim, right or wrong, or that it is nobody known."""
    t, order = f.tracklets, f.order
    cell, unknown = t.cell[order], ~t.named[order]
    animals = [f.names.animal(f.chunk.device, a) for a in range(len(f.part.animals))]
    day = f.day_of[order]
    return pa.table(
        {
            "claim_id": pa.array([f"{tracklet}:1" for tracklet in f.tracklet_ids], pa.string()),
            "load_id": named(day, f.loads),
            "tracklet_id": pa.array(f.tracklet_ids, pa.string()),
            "animal_id": named(f.cells.claimed[cell], animals, unknown),
            "confidence": np.where(unknown, UNKNOWN_CONFIDENCE, f.cells.confidence[cell]).astype(np.float32),
            "method": same(METHOD, len(order)),
            "space_id": named(f.part.release[f.cells.day[cell]], f.names.spaces),
            "recorded_at": moments(_day_ends(f)[day] + CLAIMED_AFTER),
            "run_id": named(day, [f"run-{load}" for load in f.loads]),
        }
    )


def run_rows(f: Filled) -> pa.Table:
    """``identity.run``: that each load was matched."""
    tracklets = np.bincount(f.day_of, minlength=len(f.loads)).astype(np.int64)
    return pa.table(
        {
            "run_id": [f"run-{load}" for load in f.loads],
            "load_id": f.loads,
            "tracklets": tracklets,
            "claims": tracklets,
            "recorded_at": moments(_day_ends(f) + CLAIMED_AFTER),
        }
    )


def coverage_rows(f: Filled) -> pa.Table:
    """``record.coverage``: on, off where a camera failed, on again."""
    span = slice(f.chunk.first, f.chunk.stop)
    cameras = f.part.cameras
    pens, days = f.plan.pens_per_device, len(f.loads)
    off_from, off_until = cameras.off_from[:, span].T.ravel(), cameras.off_until[:, span].T.ravel()
    day_s = np.repeat(cameras.day_s[span], pens)
    fails = off_until > off_from
    start = np.stack([np.zeros_like(off_from), off_from, off_until], axis=1).ravel()
    stop = np.stack([np.where(fails, off_from, day_s), off_until, np.where(fails, day_s, off_until)], axis=1).ravel()
    keep = stop > start
    state = np.tile([0, 1, 0], days * pens)[keep]
    day = np.repeat(np.arange(days), 3 * pens)[keep]
    pen = np.tile(np.repeat(np.arange(pens), 3), days)[keep]
    names = [f.names.camera(f.chunk.device, pen) for pen in range(pens)]
    return pa.table(
        {
            "load_id": named(day, f.loads),
            "camera_id": named(pen, names),
            "started_at": moments(f.midnight[day] + start[keep].astype(np.int64) * 1_000_000),
            "ended_at": moments(f.midnight[day] + stop[keep].astype(np.int64) * 1_000_000),
            "state": named(state, ["on", "off"]),
            "reason": named(np.zeros_like(state), ["camera failed"], state == 0),
        }
    )


def manifest_rows(f: Filled) -> dict[str, pa.Table]:
    """``record.camera_setup`` and ``record.model_release``, repeated for every load as a manifest would."""
    pens, days = f.plan.pens_per_device, len(f.loads)
    setups = [f.names.camera_setup(f.chunk.device, pen) for pen in range(pens)]
    keys = ("camera_id", "pen_id", "width", "height", "fps")
    camera = {key: [getattr(s, key) for s in setups] * days for key in keys}
    camera |= {"setup": [s.model_dump_json() for s in setups] * days}
    uses = [f.names.releases[k].model_dump() for k in f.part.release[f.chunk.first : f.chunk.stop].tolist()]
    release = pa.Table.from_pylist(uses)
    return {
        "record.camera_setup": pa.table({"load_id": np.repeat(f.loads, pens), **camera}),
        "record.model_release": release.add_column(0, "load_id", pa.array(f.loads)),
    }


def device_day_rows(f: Filled, rows: dict[str, np.ndarray]) -> pa.Table:
    """``record.device_day``.

    Args:
        f: the chunk.
        rows: for each record kind how many rows each day has, ``[chunk days]``.
    """
    days = [f.plan.start_day + timedelta(days=k) for k in range(f.chunk.first, f.chunk.stop)]
    n, ends = len(days), _day_ends(f)
    return pa.table(
        {
            "load_id": f.loads,
            "device_id": same(f.names.device(f.chunk.device), n),
            "farm_id": same(f.plan.farm_id, n),
            "day": pa.array(days, pa.date32()),
            "revision": same(1, n, pa.int32()),
            "timezone": same(f.plan.timezone, n),
            "starts_at": moments(f.midnight),
            "ends_at": moments(ends),
            "final": same(True, n, pa.bool_()),
            "manifest_sha256": [hashlib.sha256(load.encode()).hexdigest() for load in f.loads],
            "software_version": same(SOFTWARE, n),
            **{f"{kind}_rows": rows.get(kind, np.zeros(n, np.int64)) for kind in _KINDS},
            "quarantined_rows": same(0, n, pa.int64()),
            "loaded_at": moments(ends + LOADED_AFTER),
        }
    )


_KINDS = ("coverage", "tracklet", "bout", "embedding", "activity")


def _day_ends(f: Filled) -> Longs:
    span = slice(f.chunk.first, f.chunk.stop)
    return np.asarray(f.midnight + f.part.cameras.day_s[span] * np.int64(1_000_000))


def _release(f: Filled, day: Ints) -> pa.Array:
    return named(f.part.release[f.chunk.first + day], [r.release_id for r in f.plan.releases])
