"""Who is in the herd, from when to when, and in which pen: one device's places, each held by animals in turn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from herdbook.simulate.herd.plan import HerdPlan
from herdbook.simulate.streams import stream

Ints = NDArray[np.int32]
Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

NOBODY = -1


@dataclass(frozen=True)
class Population:
    """One device's ``n`` animals in ``p`` places over ``t`` days. Days count from the herd's first, 0.

    Animals are numbered by place, then by time. Places ``2k`` and ``2k + 1`` of a pen hold look-alikes.
    """

    place: Ints
    """``[n]``"""
    entry: Ints
    """``[n]`` first day on the farm; negative where it came before the herd's first day."""
    planned_exit: Ints
    """``[n]`` first day on which it is not there any more, if nothing happens to it."""
    pen: Ints
    """``[n]`` pen of the device, 0-based, on which it begins."""
    next_pen: Ints
    """``[n]`` pen from ``moves_on`` on; the same where it never moves."""
    moves_on: Ints
    """``[n]`` day of the move; ``planned_exit`` where it never moves."""
    effect: Floats
    """``[n]`` deviation of its own mean lying share from its pen's."""
    tempo: Floats
    """``[n]`` factor on how often it gets up, around 1."""
    female: Bools
    """``[n]``"""
    occupant: Ints
    """``[p, t]`` animal, or `NOBODY`, as planned."""
    pen_of: Ints
    """``[p, t]`` pen of the occupant, or of the place's first where there is none."""

    def __len__(self) -> int:
        return len(self.place)

    @cached_property
    def pen_day(self) -> NDArray[np.intp]:
        """``[p, t]`` position of an animal's pen and day in a flattened ``[pens, t]``."""
        days = self.occupant.shape[1]
        return np.asarray(self.pen_of.astype(np.intp) * days + np.arange(days))


def populate(plan: HerdPlan, device: int) -> Population:
    """The animals of one device."""
    rng = stream(plan.seed, plan.farm_id, device, "population")
    p, t = plan.places, plan.days
    shortest, longest = plan.stays.stay_days
    vacancy = plan.stays.vacancy_days
    turns = t // (shortest + vacancy) + 2
    stays = rng.integers(shortest, longest, (p, turns), endpoint=True)
    first = -np.floor(rng.random(p) * stays[:, 0]).astype(np.int64)
    entry = first[:, None] + np.concatenate(
        [np.zeros((p, 1), np.int64), np.cumsum(stays[:, :-1] + vacancy, axis=1)], axis=1
    )
    draws = {name: rng.random((p, turns)) for name in ("mover", "when", "where", "sex")}
    effect = rng.standard_normal((p, turns)) * plan.behaviour.animal_sd
    tempo = np.exp(rng.standard_normal((p, turns)) * 0.2)
    there = entry < t
    place = np.nonzero(there)[0].astype(np.int32)
    entry, stay = entry[there], stays[there]
    leaves = entry + stay
    pen = place // plan.animals_per_pen
    mover = (draws["mover"][there] < plan.stays.move_share) & (plan.pens_per_device > 1)
    moves_on = np.where(mover, entry + 7 + (draws["when"][there] * (stay - 13)).astype(np.int64), leaves)
    other = (pen + 1 + (draws["where"][there] * (plan.pens_per_device - 1)).astype(np.int64)) % plan.pens_per_device
    found = {
        "entry": _ints(entry),
        "planned_exit": _ints(leaves),
        "pen": _ints(pen),
        "next_pen": _ints(np.where(mover, other, pen)),
        "moves_on": _ints(moves_on),
    }
    occupant = _occupant(place, found["entry"], found["planned_exit"], p, t)
    return Population(
        place=place,
        **found,
        effect=effect[there].astype(np.float32),
        tempo=tempo[there].astype(np.float32),
        female=draws["sex"][there] < 0.5,
        occupant=occupant,
        pen_of=_pen_of(occupant, found, plan),
    )


def animal_names(plan: HerdPlan, device: int, n: int) -> list[str]:
    """Animal ids: ``<device>-a0001`` and so on; they say nothing of what will happen to them."""
    return [f"{plan.device_ids[device]}-a{i + 1:05d}" for i in range(n)]


def _occupant(place: Ints, entry: Ints, leaves: Ints, p: int, t: int) -> Ints:
    seen = np.full((p, t), NOBODY, np.int32)
    seen[place, np.maximum(entry, 0)] = np.arange(len(place), dtype=np.int32)
    seen = np.maximum.accumulate(seen, axis=1)
    return np.where(np.arange(t, dtype=np.int32) < leaves.take(seen), seen, np.int32(NOBODY))


def _pen_of(occupant: Ints, found: dict[str, Ints], plan: HerdPlan) -> Ints:
    p, t = occupant.shape
    home = np.repeat(np.arange(p, dtype=np.int32) // plan.animals_per_pen, t).reshape(p, t)
    if plan.stays.move_share == 0 or plan.pens_per_device == 1:
        return home
    moved = (occupant != NOBODY) & (np.arange(t, dtype=np.int32) >= found["moves_on"].take(occupant))
    return np.where(moved, found["next_pen"].take(occupant), home)


def _ints(values: NDArray[np.int64] | Ints) -> Ints:
    return values.astype(np.int32)
