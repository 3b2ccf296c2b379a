"""Bouts: what each animal did, from-to, so that the seconds spent lying are exactly those of the day level.

On an animal's own clock (its observed seconds, end to end) lying and upright runs take turns. Moments of getting up
follow the day's rhythm; upright time is shared out among them; within a run behaviours follow each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from herdbook.contracts.ethogram import load_ethogram
from herdbook.simulate.herd.cells import Cells
from herdbook.simulate.herd.exposure import mean_share
from herdbook.simulate.herd.plan import HerdPlan
from herdbook.simulate.herd.population import Ints
from herdbook.simulate.herd.rhythm import STEPS, rising_distribution
from herdbook.simulate.herd.species import SPECIES
from herdbook.simulate.herd.tracklets import Longs, Tracklets

_CLOCK = 1 << 17
"""More seconds than a day has: a cell and a second of its clock make one sortable number."""


@dataclass(frozen=True)
class Bouts:
    """``b`` bouts, ordered by cell and time, those of tracklets without a name after all others."""

    tracklet: Ints
    """``[b]``"""
    start: Ints
    """``[b]`` seconds since local midnight."""
    stop: Ints
    behaviour: NDArray[np.int8]
    """``[b]`` position in the ethogram."""


def behave(plan: HerdPlan, cells: Cells, tracklets: Tracklets, rng: np.random.Generator) -> Bouts:
    """Fill the tracklets with bouts."""
    run_at, lies = _runs(plan, cells, rng)
    at, behaviour = _within_runs(plan, cells, run_at, lies, rng)
    known = np.nonzero(tracklets.named)[0]
    track_at = tracklets.cell[known].astype(np.int64) * _CLOCK + tracklets.begins[known]
    edges = np.sort(np.concatenate([at, track_at]))
    edges = edges[np.append(True, edges[1:] != edges[:-1])]  # np.unique hashes, which takes five times as long
    track = np.searchsorted(track_at, edges, side="right") - 1
    did = behaviour[np.searchsorted(at, edges, side="right") - 1]
    cell, second = edges // _CLOCK, edges % _CLOCK
    last = np.append(cell[1:] != cell[:-1], True)
    until = np.where(last, cells.observed_s[cell], np.append(second[1:], 0))
    shift = tracklets.start[known[track]] - tracklets.begins[known[track]]
    # in tracklets without a name: one bout, lying as often as the animal does
    unknown = np.nonzero(~tracklets.named)[0]
    names = load_ethogram(SPECIES[plan.species].ethogram_id).names
    lie = rng.random(len(unknown)) < cells.share[tracklets.cell[unknown]]
    other = np.where(lie, names.index("lying"), names.index("standing")).astype(np.int8)
    return Bouts(
        tracklet=np.concatenate([known[track], unknown]).astype(np.int32),
        start=np.concatenate([second + shift, tracklets.start[unknown]]).astype(np.int32),
        stop=np.concatenate([until + shift, tracklets.stop[unknown]]).astype(np.int32),
        behaviour=np.concatenate([did, other]),
    )


def _runs(plan: HerdPlan, cells: Cells, rng: np.random.Generator) -> tuple[Longs, NDArray[np.bool_]]:
    """Where runs begin on the animals' clocks, as ``cell * _CLOCK + second`` in rising order, and whether they lie."""
    n = len(cells)
    lying, upright = cells.lying_s.astype(np.int64), (cells.observed_s - cells.lying_s).astype(np.int64)
    mean = plan.detail.posture_cycles * cells.tempo * (cells.observed_s / 86400)
    ups = np.where(upright > 0, 1 + rng.poisson(np.maximum(mean - 1, 0)), 0)
    cell = np.repeat(np.arange(n), ups)
    moment, before = _moments(plan, cells, cell, rng)
    # what the rhythm puts before that moment of its upright time it has been up by then; the rest it has lain
    lain = np.clip(moment * cells.observed_s[cell] - before * upright[cell], 0, lying[cell]).astype(np.int64)
    lain = np.sort(cell * _CLOCK + lain) - cell * _CLOCK
    stood = _shares(rng.standard_gamma(1.3, len(cell)) + 1e-3, cell, ups) * upright[cell]
    stood_after = np.rint(stood).astype(np.int64)
    first = np.cumsum(ups) - ups
    stood_before = np.append([0], stood_after[:-1])[: len(cell)]
    stood_before[first[ups > 0]] = 0
    base = cell * _CLOCK
    up_at, down_at = base + lain + stood_before, base + lain + stood_after
    at = np.concatenate([np.arange(n) * _CLOCK, up_at, down_at])
    lies = np.concatenate([np.ones(n, bool), np.zeros(len(up_at), bool), np.ones(len(down_at), bool)])
    # where several begin at once the last one holds: lying, then up, then lying again
    turn = np.concatenate([np.zeros(n, np.int64), 2 * np.arange(len(up_at)) + 1, 2 * np.arange(len(down_at)) + 2])
    order = np.lexsort((turn, at))
    at, lies = at[order], lies[order]
    at_end = at % _CLOCK >= cells.observed_s[at // _CLOCK]
    holds = np.append(at[1:] != at[:-1], True) & ~at_end
    return at[holds], lies[holds]


def _moments(
    plan: HerdPlan, cells: Cells, cell: NDArray[np.intp], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """When animals get up, as shares of their own clocks, by the rhythm of the hours that the camera saw; and that
    rhythm's distribution there.
    """
    spread = rising_distribution(plan.behaviour.rhythm, mean_share(plan))
    day_s = (cells.on_s + cells.off_s)[cell]
    off_from, off_until = (cells.off_from[cell] / day_s), (cells.off_from + cells.off_s)[cell] / day_s
    grid = np.linspace(0, 1, STEPS + 1)
    before, after = np.interp(off_from, grid, spread), np.interp(off_until, grid, spread)
    even = rng.random(len(cell))
    u = even * (1 - (after - before))
    moment = np.interp(np.where(u > before, u + after - before, u), spread, grid)
    seen = np.where(moment > off_from, np.maximum(moment - (off_until - off_from), off_from), moment)
    return np.clip(seen * day_s / cells.on_s[cell], 0, 1), even


def _within_runs(
    plan: HerdPlan, cells: Cells, run_at: Longs, lies: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[Longs, NDArray[np.int8]]:
    """Where bouts begin on the animals' clocks, and their behaviours. Neighbours differ."""
    figures = SPECIES[plan.species]
    names = load_ethogram(figures.ethogram_id).names
    cell = run_at // _CLOCK
    last = np.append(cell[1:] != cell[:-1], True)
    until = np.where(last, cell * _CLOCK + cells.observed_s[cell], np.append(run_at[1:], 0))
    length = until - run_at
    parts = 1 + rng.poisson(length / np.where(lies, figures.lying_bout_s, figures.upright_bout_s))
    run = np.repeat(np.arange(len(run_at)), parts)
    first = np.cumsum(parts) - parts
    part = np.arange(len(run)) - first[run]
    asleep = (part + (rng.random(len(run_at)) < 0.5)[run]) % 2 == 0
    often, lengths = np.array(list(figures.upright.values())).T
    drawn = np.searchsorted(np.cumsum(often) / often.sum(), rng.random(len(run)), side="right").clip(0, len(often) - 1)
    upright = np.array([names.index(name) for name in figures.upright])[drawn]
    behaviour = np.where(lies[run], np.where(asleep, names.index("sleeping"), names.index("lying")), upright)
    weight = (rng.standard_gamma(2.0, len(run)) + 1e-3) * np.where(lies[run], 1.0, lengths[drawn])
    ended = (_shares(weight, run, parts) * length[run]).astype(np.int64)
    cut = np.append([0], ended[:-1])[: len(run)]
    cut[first] = 0
    at = run_at[run] + cut
    holds = np.append(at[1:] != at[:-1], True)  # the others have no length
    at, behaviour = at[holds], behaviour[holds]
    begins = np.append(True, (behaviour[1:] != behaviour[:-1]) | (at[1:] // _CLOCK != at[:-1] // _CLOCK))
    return at[begins], behaviour[begins].astype(np.int8)


def _shares(weights: NDArray[np.float64], cell: NDArray[np.intp], counts: NDArray[np.integer]) -> NDArray[np.float64]:
    """Cumulated weights of each cell as shares of its sum: the last of a cell is 1."""
    total = np.cumsum(weights)
    ends = np.cumsum(counts)
    before = np.concatenate([[0.0], total])[ends - counts]
    after = np.concatenate([[0.0], total])[ends]
    return np.asarray((total - before[cell]) / (after - before)[cell])
