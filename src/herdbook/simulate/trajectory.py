"""Trajectories as knots: where a body's centre is and where it heads, linear between knots. Times are POSIX seconds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from herdbook.simulate.bodies import Floats

KNOT_S = 0.5
"""Knots along a walk."""

# Small movements within a bout: seconds between them, metres and radians around the pose (standard deviations).
FIDGETS: dict[str, tuple[float, float, float]] = {
    "sleeping": (600.0, 0.004, 0.01),
    "lying": (150.0, 0.010, 0.03),
    "sitting": (20.0, 0.012, 0.05),
    "standing": (8.0, 0.025, 0.07),
    "eating": (3.0, 0.020, 0.05),
    "drinking": (4.0, 0.012, 0.03),
    "investigating": (3.0, 0.060, 0.15),
    "social": (2.0, 0.040, 0.12),
}


class Bout(NamedTuple):
    """One behaviour of one animal, ``[started, ended)``."""

    animal_id: str
    started: float
    ended: float
    behaviour: str

    def clipped(self, start: float, end: float) -> Bout | None:
        """The part that lies in ``[start, end)``."""
        part = self._replace(started=max(self.started, start), ended=min(self.ended, end))
        return part if part.ended > part.started else None


@dataclass(frozen=True)
class Trajectory:
    """Knots ``times [n]`` (rising), ``poses [n, 3]``; headings run on beyond ±π."""

    times: Floats
    poses: Floats

    def at(self, times: Floats) -> Floats:
        """Poses ``[m, 3]`` at times within the trajectory."""
        return np.column_stack([np.interp(times, self.times, self.poses[:, k]) for k in range(3)])

    @property
    def distance_m(self) -> float:
        """Length of the way."""
        return float(np.hypot(*np.diff(self.poses[:, :2], axis=0).T).sum())


@dataclass(frozen=True)
class PenDay:
    """What the animals of a pen did in ``[start, end)``."""

    start: float
    end: float
    trajectories: dict[str, Trajectory]
    bouts: list[Bout]


class Knots:
    """A trajectory that grows at its end."""

    def __init__(self, start: float, pose: Floats) -> None:
        self._times = [start]
        self._poses = [(float(pose[0]), float(pose[1]), float(pose[2]))]

    @property
    def end(self) -> float:
        """Time of the last knot."""
        return self._times[-1]

    @property
    def last(self) -> Floats:
        """Pose at the end, ``[3]``."""
        return np.array(self._poses[-1])

    def append(self, moment: float, x: float, y: float, heading: float) -> None:
        """Be at a pose at a later time, turning there by the shorter way."""
        before = self._poses[-1][2]
        turned = (heading - before + np.pi) % (2 * np.pi) - np.pi
        self._times.append(float(moment))
        self._poses.append((float(x), float(y), float(before + turned)))

    def extend(self, times: Floats, poses: Floats) -> None:
        """Append knots ``[n]``, ``[n, 3]`` whose headings follow from the last one without a jump."""
        self._times += times.tolist()
        self._poses += map(tuple, poses.tolist())

    def rest(self, until: float) -> None:
        """Stay until a time."""
        if until > self.end:
            self.append(until, *self._poses[-1])

    def back_off(self, distance_m: float, speed: float) -> None:
        """Step backwards."""
        x, y, heading = self._poses[-1]
        if distance_m > 0:
            self.append(
                self.end + distance_m / speed,
                x - distance_m * np.cos(heading),
                y - distance_m * np.sin(heading),
                heading,
            )

    def turn_to(self, heading: float, rate: float) -> None:
        """Turn on the spot, at ``rate`` radians per second."""
        x, y, before = self._poses[-1]
        angle = abs((heading - before + np.pi) % (2 * np.pi) - np.pi)
        if angle > 1e-6:
            self.append(self.end + angle / rate, x, y, heading)

    def shuffle_to(self, pose: Floats, speed: float, turn_rate: float) -> None:
        """Reach a near pose sideways and turning at once."""
        x, y, before = self._poses[-1]
        angle = abs((float(pose[2]) - before + np.pi) % (2 * np.pi) - np.pi)
        seconds = max(float(np.hypot(pose[0] - x, pose[1] - y)) / speed, angle / turn_rate)
        if seconds > 1e-6:
            self.append(self.end + seconds, *pose)

    def follow(self, way: Floats, speed: float, turn_rate: float) -> None:
        """Turn towards a way ``[n, 2]`` and walk it, heading along it."""
        steps = np.diff(way, axis=0)
        lengths = np.hypot(steps[:, 0], steps[:, 1])
        along = np.concatenate([[0.0], np.cumsum(lengths)])
        direction = np.unwrap(np.arctan2(steps[:, 1], steps[:, 0]))
        headings = np.interp(along, (along[1:] + along[:-1]) / 2, direction)
        self.turn_to(float(headings[0]), turn_rate)
        n = max(1, int(np.ceil(along[-1] / speed / KNOT_S)))
        start = self.end
        walked = np.linspace(0, along[-1], n + 1)[1:]
        poses = np.column_stack([np.interp(walked, along, v) for v in (way[:, 0], way[:, 1], headings)])
        poses[:, 2] = np.unwrap([self.last[2], *poses[:, 2]])[1:]
        self.extend(start + walked / speed, poses)

    def at(self, moment: float) -> Floats:
        """Pose ``[3]`` at a time that is not long past."""
        k = len(self._times) - 1
        while k > 0 and self._times[k - 1] > moment:
            k -= 1
        around = slice(max(0, k - 1), k + 1)
        part = Trajectory(np.array(self._times[around]), np.array(self._poses[around]))
        return np.asarray(part.at(np.array([moment]))[0])

    def between(self, start: float, end: float) -> Trajectory:
        """The part between two times, with knots at both."""
        times, poses = np.array(self._times), np.array(self._poses)
        inner = times[(times > start) & (times < end)]
        cut = np.concatenate([[start], inner, [end]])
        return Trajectory(cut, Trajectory(times, poses).at(cut))

    def forget_before(self, moment: float) -> None:
        """Drop knots that no time from ``moment`` on needs."""
        keep = max(0, int(np.searchsorted(self._times, moment, side="right")) - 1)
        del self._times[:keep], self._poses[:keep]


def wander(knots: Knots, behaviour: str, until: float, rng: np.random.Generator) -> None:
    """Stay about the present pose until a time, with the small movements of a behaviour."""
    every, step, turn = FIDGETS[behaviour]
    pose, start = knots.last, knots.end
    moves = int((until - start) / every)
    drawn = rng.normal(size=(moves, 3)).clip(-2, 2) * (step, step, turn)
    knots.extend(np.asarray(start + (np.arange(moves) + 0.5) * every), pose + drawn)
    knots.append(until, *pose)


CREEP_M_S = 0.10
"""Speed of an animal that roots along the floor."""


def explore(knots: Knots, until: float, rng: np.random.Generator, free: Callable[[float, float, float], bool]) -> None:
    """Creep about in small steps until a time; where a step's place and heading are not free it becomes a turn, or
    nothing."""
    x, y, heading = knots.last.tolist()
    while until - knots.end > 0.5:
        step, turn = rng.uniform(0.04, 0.18), min(0.8, max(-0.8, rng.normal(0, 0.3)))
        moment = min(until, knots.end + step / CREEP_M_S + rng.uniform(0, 0.8))
        ahead = x + step * math.cos(heading + turn), y + step * math.sin(heading + turn), heading + turn
        turned = x, y, heading + 2 * turn
        x, y, heading = next((pose for pose in (ahead, turned) if free(*pose)), (x, y, heading))
        knots.append(moment, x, y, heading)
    knots.rest(until)
