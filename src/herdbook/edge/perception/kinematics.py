"""Behaviour from how an animal moves and where: rules with soft edges, so that each comes with a probability.

What a path cannot tell is not claimed: sitting and social behaviour are never reported, and head and tail
are not told apart, so that an animal lying with its rump in the trough looks as if it ate.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from herdbook.contracts.camera import Camera
from herdbook.edge.perception.base import Judgement, Track
from herdbook.edge.perception.parameters import MotionParameters
from herdbook.edge.perception.places import places_of

BEHAVIOURS = ("sleeping", "lying", "standing", "walking", "eating", "drinking", "investigating")
_SLEEPING, _LYING, _STANDING, _WALKING, _EATING, _DRINKING, _INVESTIGATING = range(len(BEHAVIOURS))
_CERTAIN = 0.9  # no rule here is surer of a behaviour than this
_WINDOW_S = 2.0
_BED = float(np.log(4))
"""Log-odds that a lying area adds: animals are there to lie, and sometimes stand."""


def judge(track: Track, camera: Camera, parameters: MotionParameters) -> Judgement:
    """Probabilities of behaviours for each step of a finished track."""
    steps = len(track.seconds)
    body = float(np.median(track.length)) or 1.0
    speed = _speed(track) / body
    walking = _logistic((speed - parameters.walk_body_lengths_s) / (0.25 * parameters.walk_body_lengths_s))
    p = parameters
    still = stillness(track, p.still_body_lengths * body)
    motionless = stillness(track, p.still_body_lengths * body / 3)
    zone, feeding, drinking, bedded = places_of(track, camera)
    lying_odds = longer_odds(still, p.pause_s, p.lying_s, p.pauses_per_lying) + np.where(bedded, _BED, 0.0)
    lying = _logistic(lying_odds)
    asleep = _logistic(longer_odds(motionless, p.stirring_s, p.sleeping_s, p.stirrings_per_sleep))
    slow = _logistic((speed - 0.4 * parameters.walk_body_lengths_s) / (0.1 * parameters.walk_body_lengths_s))

    here = np.zeros((steps, len(BEHAVIOURS)))
    at_rest = 1 - walking
    eats = np.where(feeding, 0.85, 0.0)
    drinks = np.where(drinking & ~feeding, 0.85, 0.0)
    free = at_rest * (1 - eats - drinks)
    here[:, _WALKING] = walking
    here[:, _EATING] = at_rest * eats
    here[:, _DRINKING] = at_rest * drinks
    here[:, _SLEEPING] = free * lying * asleep
    here[:, _LYING] = free * lying * (1 - asleep)
    here[:, _STANDING] = free * (1 - lying) * (1 - 0.6 * slow)
    here[:, _INVESTIGATING] = free * (1 - lying) * 0.6 * slow
    probability = _CERTAIN * here + (1 - _CERTAIN) / len(BEHAVIOURS)
    return Judgement(BEHAVIOURS, probability, zone)


def _speed(track: Track) -> NDArray[np.float64]:
    """Speed over a centred window, pixels per second."""
    half = max(1, round(_WINDOW_S / 2 / track.step_s))
    index = np.arange(len(track.seconds))
    before, after = np.maximum(index - half, 0), np.minimum(index + half, len(index) - 1)
    elapsed = track.seconds[after] - track.seconds[before]
    moved = np.linalg.norm(track.centre[after] - track.centre[before], axis=1)
    return np.asarray(np.divide(moved, elapsed, out=np.zeros(len(index)), where=elapsed > 0))


class Stillness(NamedTuple):
    """For each step, the period for which the animal stayed where it was."""

    seconds: NDArray[np.float64]
    """Length of the whole period, as far as it was seen."""
    cut: NDArray[np.int64]
    """How many of its ends were not seen, because the track began or ended in it: 0, 1 or 2."""


def stillness(track: Track, radius: float) -> Stillness:
    """Periods in which the animal stayed within a radius of where it settled."""
    steps = len(track.seconds)
    seconds, cut = np.zeros(steps), np.zeros(steps, np.int64)
    first, settled = 0, 0.0
    anchor = track.centre[0].copy()
    for i in range(steps + 1):
        if i < steps and np.hypot(*(track.centre[i] - anchor)) <= radius:
            settled += 1
            anchor += (track.centre[i] - anchor) / min(settled, 60)
            continue
        seconds[first:i] = track.seconds[i - 1] - track.seconds[first] + track.step_s
        cut[first:i] = (first == 0) + (i == steps)
        if i < steps:
            first, anchor, settled = i, track.centre[i].copy(), 1.0
    return Stillness(seconds, cut)


def longer_odds(still: Stillness, short_s: float, long_s: float, short_per_long: float) -> NDArray[np.float64]:
    """Log-odds that a still period is of the kind that lasts long.

    Both kinds last exponentially with means `short_s` and `long_s`, and there are `short_per_long` short ones for each
    long one. A period seen whole counts with its density; each end that was not seen replaces the rate by the chance to
    have lasted longer, and a period that fills the track was met in proportion to its length (renewal theory: Cox 1962,
    ch. 5). So an animal that lies through a clip of half a minute is not taken to stand because the clip is short.
    """
    grows = still.seconds * (1 / short_s - 1 / long_s)
    return np.asarray(grows - np.log(short_per_long) + (still.cut - 1) * np.log(long_s / short_s))


def _logistic(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.clip(z, -50, 50))))
