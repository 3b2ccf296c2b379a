"""The day level: a herd's animal-days in memory, in tens of milliseconds, and the truth that made them.

The same draws are what the bout level then fills with bouts (`chunk`), so both levels are one herd.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from herdbook.simulate.herd.cameras import Cameras, day_starts, fail
from herdbook.simulate.herd.exposure import LEAST, MOST, deviations, mean_share
from herdbook.simulate.herd.hazard import Ends, Illnesses, end_stays, fall_ill, shift_behaviour
from herdbook.simulate.herd.identity import Confusion, confuse, exchanged
from herdbook.simulate.herd.labels import Diagnoses, notice
from herdbook.simulate.herd.plan import HerdPlan
from herdbook.simulate.herd.population import NOBODY, Bools, Floats, Ints, Population, populate
from herdbook.simulate.herd.rhythm import missed
from herdbook.simulate.streams import stream


@dataclass(frozen=True)
class DeviceDays:
    """One device's animal-days: ``p`` places by ``t`` days, as they are (not as claimed)."""

    animals: Population
    cameras: Cameras
    illnesses: Illnesses
    """Those that became visible while the animal was there."""
    ends: Ends
    confusion: Confusion
    diagnoses: Diagnoses
    there: Bools
    """``[p, t]`` whether there is an animal."""
    share: Floats
    """``[p, t]`` lying share of the whole day as the first release measures it: the truth that hazards depend on."""
    release: NDArray[np.int8]
    """``[t]`` index of the release that runs."""
    observed_s: Ints
    """``[p, t]`` seconds in which the animal was followed and recognised."""
    lying_s: Ints
    """``[p, t]`` of those, seconds measured as lying by the release that runs."""


@dataclass(frozen=True)
class HerdDays:
    """A herd on the day level. Days count from the herd's first; animals from 0 over all devices, in their order."""

    days: pa.Table
    """One row per animal and day that it was there, as the records say; ordered by animal and day:

    ``animal`` int32, ``day`` int32, ``pen`` int32 (over all devices), ``device`` int16, ``release`` int8,
    ``camera_on_s`` int32, ``observed_s`` int32 and ``lying_s`` int32 (of the records claimed for the animal),
    ``exposure`` float32 = lying_s / observed_s (null where nothing was observed), ``confidence`` float32.
    """
    animals: pa.Table
    """``animal``, ``entry`` (negative: there before the herd's first day), ``exit`` (first day gone; past the last day
    if it stays), ``cause`` int8 (`hazard.STAYED`, ``LEFT``, ``CULLED``, ``DIED``), ``pen`` (its first), ``device``.
    """
    diagnoses: pa.Table
    """``animal``, ``day``, ``sound_on``, ``recorded``, ``received``, ``observer``: the outcome as the farm knows it."""
    truth_days: pa.Table
    """Row for row with ``days``: ``share`` float32 (of the whole day, first release), ``switched`` bool."""
    truth_illnesses: pa.Table
    """``animal``, ``onset``, ``index``: what really happened."""


def device_days(plan: HerdPlan, device: int) -> DeviceDays:
    """Draw one device's animal-days; the same whatever else is drawn."""
    animals = populate(plan, device)
    share = deviations(plan, device, animals)
    ill = fall_ill(plan, device, share, animals)
    ends = end_stays(plan, device, animals, ill)
    shift_behaviour(plan, share, animals, ill)
    share += np.float32(mean_share(plan))
    np.clip(share, LEAST, MOST, out=share)
    visible = ill.only((ill.index < ends.exit[ill.animal]) & (ill.index < plan.days))
    confusion = confuse(plan, device, animals, ends.exit)
    cameras = fail(plan, device, _starts(plan.start_day, plan.days, plan.timezone))
    there = (animals.occupant != NOBODY) & (np.arange(plan.days, dtype=np.int32) < ends.exit.take(animals.occupant))
    release, shift = _releases(plan)
    observed = _observed(plan, device, animals, cameras)
    observed[~there] = 0
    hours = cameras.off_until - cameras.off_from
    bias = missed(cameras.off_from / 3600.0, hours / 3600.0) * plan.behaviour.rhythm + shift
    measured = share + _at(bias.astype(np.float32), animals)
    lying = np.rint(np.clip(measured, LEAST, MOST, out=measured) * observed).astype(np.int32)
    diagnoses = notice(plan, device, animals, visible, ends)
    return DeviceDays(animals, cameras, visible, ends, confusion, diagnoses, there, share, release, observed, lying)


def herd_days(plan: HerdPlan) -> HerdDays:
    """A whole herd on the day level.

    Without input or output; about 50 ms for 1,000 animals and 365 days on one core (benchmarks/herd_records.py).
    """
    parts = [device_days(plan, d) for d in range(plan.devices)]
    firsts = np.concatenate([[0], np.cumsum([len(part.animals) for part in parts])])
    tables = [_tables(plan, d, part, int(firsts[d])) for d, part in enumerate(parts)]
    joined = (pa.concat_tables(list(same)) for same in zip(*tables, strict=True))
    return HerdDays(*joined)


def _tables(plan: HerdPlan, device: int, part: DeviceDays, first: int) -> tuple[pa.Table, ...]:
    cells = np.flatnonzero(part.there)
    switched = part.confusion.switched
    observed, lying = (exchanged(values, switched).take(cells) for values in (part.observed_s, part.lying_s))
    day = (cells % plan.days).astype(np.int32)
    with np.errstate(invalid="ignore"):
        exposure = lying.astype(np.float32) / observed.astype(np.float32)
    pen = part.animals.pen_of.take(cells)
    days = pa.table(
        {
            "animal": part.animals.occupant.take(cells) + np.int32(first),
            "day": day,
            "pen": pen + np.int32(device * plan.pens_per_device),
            "device": np.full(len(cells), device, np.int16),
            "release": part.release.take(day),
            "camera_on_s": part.cameras.on_s.ravel().take(part.animals.pen_day.take(cells)),
            "observed_s": observed,
            "lying_s": lying,
            "exposure": pa.array(exposure, mask=observed == 0),
            "confidence": part.confusion.confidence.take(cells),
        }
    )
    a, d, ill = part.animals, part.diagnoses, part.illnesses
    animals = pa.table(
        {
            "animal": np.arange(len(a), dtype=np.int32) + np.int32(first),
            "entry": a.entry,
            "exit": part.ends.exit,
            "cause": part.ends.cause,
            "pen": a.pen + np.int32(device * plan.pens_per_device),
            "device": np.full(len(a), device, np.int16),
        }
    )
    diagnoses = pa.table(
        {
            "animal": d.animal + np.int32(first),
            "day": d.day,
            "sound_on": d.sound_on,
            "recorded": d.recorded,
            "received": d.received,
            "observer": d.observer,
        }
    )
    truth = pa.table({"share": part.share.take(cells), "switched": switched.take(cells)})
    illnesses = pa.table({"animal": ill.animal + np.int32(first), "onset": ill.onset, "index": ill.index})
    return days, animals, diagnoses, truth, illnesses


def _observed(plan: HerdPlan, device: int, animals: Population, cameras: Cameras) -> Ints:
    rng = stream(plan.seed, plan.farm_id, device, "followed")
    least, most = plan.coverage.followed
    followed = rng.random((plan.places, plan.days), dtype=np.float32)
    followed *= np.float32(most - least)
    followed += np.float32(least)
    return np.asarray(followed * _at(cameras.on_s, animals), np.int32)


def _at(of_pens: NDArray[Any], animals: Population) -> NDArray[Any]:
    """``[p, t]`` values of the pens, ``[q, t]``, in which places' animals are."""
    return np.ravel(of_pens).take(animals.pen_day)


def _releases(plan: HerdPlan) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    starts = np.array([r.from_day for r in plan.releases])
    index = (np.searchsorted(starts, np.arange(plan.days), side="right") - 1).astype(np.int8)
    return index, np.array([r.shift for r in plan.releases])[index]


@lru_cache(maxsize=16)
def _starts(start_day: date, days: int, timezone: str) -> NDArray[np.int64]:
    return day_starts(start_day, days, timezone)
