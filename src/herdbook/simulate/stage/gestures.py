"""What living bodies do within a behaviour: how they lie, breathe, hold and turn the head, step, nod and nudge.

These are the cues by which a picture tells behaviours apart that a path cannot: flat on the side against upright on the
belly, head down and still against up and moving, nose to the floor against level. They overlap on purpose: some sleep
on the belly and some lie awake on the side, so that no single cue decides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from herdbook.simulate.bodies import Floats
from herdbook.simulate.ethology import LYING
from herdbook.simulate.farm import Animal
from herdbook.simulate.poses import bouts_at
from herdbook.simulate.stage.anatomy import STEPS, Attitude, Trunk
from herdbook.simulate.stage.parts import Head
from herdbook.simulate.stage.species import Species
from herdbook.simulate.trajectory import Bout, PenDay

STRIDE_M = 0.55


@dataclass(frozen=True)
class Gesture:
    """How one animal is drawn at a moment: metres and radians on the floor, its trunk, and its head.

    ``yaw`` turns the head against the body; ``breath`` is a factor on the trunk's width.
    """

    x: float
    y: float
    heading: float
    trunk: Trunk
    head: Head
    yaw: float
    breath: float = 1.0


@dataclass(frozen=True)
class _Bearing:
    """What stays for a bout."""

    attitude: Attitude
    side: int
    spread: int
    tilt: float
    phases: tuple[float, ...]


def gestures_at(day: PenDay, animals: tuple[Animal, ...], species: Species, times: Floats) -> list[list[Gesture]]:
    """For each of ``times [n]`` the gestures of the animals, in their order."""
    columns = []
    for k, animal in enumerate(animals):
        way = day.trajectories[animal.animal_id]
        at, before, after = (way.at(times + d) for d in (0.0, -0.4, 0.4))
        turning = (after[:, 2] - before[:, 2]) / 0.8
        speed = np.hypot(*(after - before)[:, :2].T) / 0.8
        walked = _walked(way.times, way.poses, times)
        bouts = bouts_at(day, animal.animal_id, times)
        shares = (species.asleep_on_side, species.awake_on_side)
        column = []
        for i, bout in enumerate(bouts):
            bearing = _bearing(bout.behaviour, int(bout.started), k, shares)
            motion = _Motion(float(speed[i]), float(turning[i]), float(walked[i]))
            column.append(_gesture((float(times[i]), at[i]), bout, motion, bearing, species))
        columns.append(column)
    return [list(frame) for frame in zip(*columns, strict=True)]


def _walked(knots: Floats, poses: Floats, times: Floats) -> Floats:
    """Metres gone by each time since the day began."""
    steps = np.hypot(*np.diff(poses[:, :2], axis=0).T)
    return np.asarray(np.interp(times, knots, np.concatenate([[0.0], np.cumsum(steps)])))


@lru_cache(maxsize=4096)
def _bearing(behaviour: str, started: int, animal: int, shares: tuple[float, float]) -> _Bearing:
    rng = np.random.default_rng((started, animal))
    on_side = rng.random() < shares[0 if behaviour == "sleeping" else 1]
    attitude = Attitude.UPRIGHT
    if behaviour in LYING:
        attitude = Attitude.LATERAL if on_side else Attitude.STERNAL
    elif behaviour == "sitting":
        attitude = Attitude.SITTING
    side, spread = (1 if rng.random() < 0.5 else -1), int(rng.integers(2))
    return _Bearing(attitude, side, spread, float(rng.normal(0, 0.15)), tuple(rng.uniform(0, 2 * np.pi, 4)))


class _Motion(NamedTuple):
    """How a body moves: metres and radians per second, and metres gone so far."""

    speed: float
    turning: float
    walked: float


class _Hold(NamedTuple):
    """What a behaviour does with the head (``yaw`` radians), the breath, and along the body (``nod`` metres)."""

    head: Head
    yaw: float
    breath: float = 1.0
    nod: float = 0.0


def _gesture(at: tuple[float, Floats], bout: Bout, motion: _Motion, bearing: _Bearing, species: Species) -> Gesture:
    moment, (x, y, heading) = at[0], at[1].tolist()
    if bout.behaviour in LYING:
        held = _resting(bout.behaviour, moment, bearing, species)
    else:
        held = _upright(bout.behaviour, moment, bearing, motion.turning)
    trunk = Trunk(bearing.attitude, None, bearing.side, bearing.spread)
    if bearing.attitude is Attitude.UPRIGHT and (motion.speed > 0.03 or abs(motion.turning) > 0.25):
        gone = motion.walked + 0.25 * abs(heading)  # who turns on the spot steps too
        trunk = Trunk(Attitude.UPRIGHT, int(gone / STRIDE_M * STEPS) % STEPS, 1, bearing.spread)
    if bout.behaviour == "walking":
        heading += 0.05 * math.sin(2 * math.pi * motion.walked / STRIDE_M)
    ahead = held.nod * math.cos(heading), held.nod * math.sin(heading)
    return Gesture(x + ahead[0], y + ahead[1], heading, trunk, held.head, held.yaw, held.breath)


def _wave(moment: float, period: float, phase: float) -> float:
    return math.sin(2 * math.pi * moment / period + phase)


def _sweep(moment: float, period: float, bearing: _Bearing) -> float:
    """A turning of the head that never quite repeats, within ±1.2."""
    both = _wave(moment, period, bearing.phases[1]) + 0.6 * _wave(moment, 2.7 * period, bearing.phases[2])
    return min(1.2, max(-1.2, both))


def _resting(behaviour: str, moment: float, bearing: _Bearing, species: Species) -> _Hold:
    """Asleep: head down and still, slow deep breath. Awake: head up, looking about for a while, resting for a while."""
    breathing = _wave(moment, 60 / species.breaths_per_minute, bearing.phases[0])
    if behaviour == "lying":
        looks = _wave(moment, 19, bearing.phases[3]) > -0.55
        yaw = bearing.tilt + (0.42 * _sweep(moment, 5.0, bearing) if looks else 0.0)
        return _Hold(Head.UP if looks else Head.LEVEL, yaw, 1 + 0.013 * breathing)
    if bearing.attitude is Attitude.LATERAL:
        return _Hold(Head.SIDE, 0.25 * bearing.side + 0.3 * bearing.tilt, 1 + 0.022 * breathing)
    tucked = species.asleep_pose == "tucked"
    return _Hold(Head.DOWN, bearing.side * (2.2 + bearing.tilt) if tucked else bearing.tilt, 1 + 0.022 * breathing)


def _upright(behaviour: str, moment: float, bearing: _Bearing, turning: float) -> _Hold:
    """Nose to the floor and sweeping, level and still, up, or busy."""
    tilt, phase = bearing.tilt, bearing.phases[1]
    held = _Hold(Head.LEVEL, tilt + 0.18 * _sweep(moment, 9.0, bearing))
    match behaviour:
        case "sitting":
            held = _Hold(Head.UP, tilt + 0.30 * _sweep(moment, 6.0, bearing))
        case "walking":
            held = _Hold(Head.LEVEL, min(0.5, max(-0.5, 0.35 * turning)))
        case "eating":
            yaw = 0.5 * tilt + 0.08 * _sweep(moment, 1.7, bearing)
            held = _Hold(Head.DOWN, yaw, nod=0.018 * _wave(moment, 0.9, phase))
        case "drinking":
            held = _Hold(Head.UP, 0.3 * tilt, nod=0.008 * _wave(moment, 1.7, phase))
        case "investigating":
            held = _Hold(Head.DOWN, 0.55 * _sweep(moment, 1.9, bearing))
        case "social":
            held = _Hold(Head.LEVEL, 0.25 * _sweep(moment, 1.4, bearing), nod=0.030 * _wave(moment, 1.25, phase))
    return held
