"""Which clips to keep when not all fit: a few numbers read off the records, the same every time.

A clip's worth lies in 0..1::

    worth = 0.5 * rarity + 0.3 * doubt + 0.2 * crowding

* rarity: of the behaviours seen in the clip, the one with the smallest share of the day's bout time; 1 minus that
  share. Rare behaviours are what a student sees too little of.
* doubt: 1 minus the mean confidence of the tracklets alive in the clip. What the device was unsure of teaches most.
* crowding: tracklets alive in the clip, relative to the day's most crowded clip. Identities are lost in crowds.

Clips without any animal have worth 0. So that a budget is not spent on one busy hour, the k-th best clip (k = 1, 2, …)
of a camera and farm-local hour counts ``(0.05 + worth) / k``: empty hours and night keep some footage too.
The formula is Herdbook's own choice (docs/adr/0050); nothing is published.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from herdbook.contracts.device_day import DayFile, FileKind, Manifest
from herdbook.contracts.farmtime import zone
from herdbook.contracts.records import RecordKind
from herdbook.ingest.sieve import Floats, Integers

RARITY, DOUBT, CROWDING = 0.5, 0.3, 0.2
FLOOR = 0.05


@dataclass(frozen=True)
class Ranked:
    """A clip and what it is worth, 0..1."""

    clip: DayFile
    worth: float


def rank_clips(manifest: Manifest, accepted: dict[RecordKind, pa.Table]) -> list[Ranked]:
    """Every clip of the day, best first. Ties go by start, camera and name."""
    clips = sorted(manifest.of_kind(FileKind.CLIP), key=_by_time)
    ranked = [Ranked(clip, float(worth)) for clip, worth in zip(clips, _worths(clips, accepted), strict=True)]
    strata: dict[tuple[str | None, int], list[Ranked]] = defaultdict(list)
    for item in sorted(ranked, key=lambda item: -item.worth):  # stable: ties stay by time
        started = item.clip.started_at
        assert started is not None, "the contract gives every clip its start"
        # By farm-local hour; the two hours of one name when clocks go back are one.
        strata[item.clip.camera_id, started.astimezone(zone(manifest.timezone)).hour].append(item)
    scored = [((FLOOR + item.worth) / k, item) for items in strata.values() for k, item in enumerate(items, 1)]
    return [item for _, item in sorted(scored, key=lambda pair: (-pair[0], *_by_time(pair[1].clip)))]


def within_budget(ranked: Sequence[Ranked], budget: int) -> tuple[list[Ranked], list[Ranked]]:
    """Take clips in order while they fit ``budget`` bytes; one that does not leaves room for smaller ones after it.

    Returns:
        Those taken and those left, both best first.
    """
    taken, left = [], []
    for item in ranked:
        if item.clip.bytes <= budget:
            budget -= item.clip.bytes
            taken.append(item)
        else:
            left.append(item)
    return taken, left


def _worths(clips: Sequence[DayFile], accepted: dict[RecordKind, pa.Table]) -> Floats:
    """0..1 for each clip, by the module's formula."""
    tracklets, bouts = accepted[RecordKind.TRACKLET], accepted[RecordKind.BOUT]
    of_bout = tracklets["camera_id"].take(pc.index_in(bouts["tracklet_id"], value_set=tracklets["tracklet_id"]))
    rarity, doubt, alive = (np.zeros(len(clips)) for _ in range(3))
    seconds = _seconds(bouts)
    shares = {
        name: float(seconds[_is(bouts["behaviour"], name)].sum() / max(seconds.sum(), 1))
        for name in sorted(pc.unique(bouts["behaviour"]).to_pylist())
    }
    for camera in sorted({str(clip.camera_id) for clip in clips}):
        mine = [i for i, clip in enumerate(clips) if clip.camera_id == camera]
        begin = np.array([_micros(clips[i].started_at) for i in mine], dtype=np.int64)
        end = np.array([_micros(clips[i].ended_at) for i in mine], dtype=np.int64)
        here = tracklets.filter(pc.equal(tracklets["camera_id"], camera))
        count = _alive(here, begin, end, np.ones(here.num_rows))
        confidence = _alive(here, begin, end, here["confidence"].to_numpy().astype(np.float64))
        alive[mine] = count
        doubt[mine] = np.where(count > 0, 1 - confidence / np.maximum(count, 1), 0)
        for name, share in shares.items():
            seen = bouts.filter(pc.and_(pc.equal(of_bout, camera), pc.equal(bouts["behaviour"], name)))
            present = _alive(seen, begin, end, np.ones(seen.num_rows)) > 0
            rarity[mine] = np.where(present, np.maximum(rarity[mine], 1 - share), rarity[mine])
    crowding = alive / max(alive.max(initial=0), 1)
    worths: Floats = np.clip(RARITY * rarity + DOUBT * doubt + CROWDING * crowding, 0, 1)
    return worths


def _alive(rows: pa.Table, begin: Integers, end: Integers, weight: Floats) -> Floats:
    """Sum of the weights of the rows whose interval overlaps each ``[begin, end)``: started before its end, less those
    ended by its begin."""
    starts = rows["started_at"].cast(pa.int64()).to_numpy()
    ends = rows["ended_at"].cast(pa.int64()).to_numpy()
    by_start, by_end = np.argsort(starts, kind="stable"), np.argsort(ends, kind="stable")
    started = np.concatenate([[0.0], np.cumsum(weight[by_start])])[np.searchsorted(starts[by_start], end, "left")]
    ended = np.concatenate([[0.0], np.cumsum(weight[by_end])])[np.searchsorted(ends[by_end], begin, "right")]
    total: Floats = started - ended
    return total


def _seconds(bouts: pa.Table) -> Floats:
    lengths = pc.subtract(bouts["ended_at"].cast(pa.int64()), bouts["started_at"].cast(pa.int64()))
    seconds: Floats = lengths.to_numpy().astype(np.float64) / 1e6
    return seconds


def _is(column: pa.ChunkedArray, value: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.asarray(pc.equal(column, value).to_numpy(), dtype=bool)


def _micros(moment: datetime | None) -> int:
    assert moment is not None, "the contract gives every clip its interval"
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _by_time(clip: DayFile) -> tuple[int, str, str]:
    return _micros(clip.started_at), clip.camera_id or "", clip.name
