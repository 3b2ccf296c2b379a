"""What the behaviour head sees of an animal at each step of a window: names, units, and how they are made.

Lengths are in the animal's own body lengths, so that a farm's cameras, scale and breed do not matter. NumPy only.

=====================  ==============================================================================================
feature                unit and meaning
=====================  ==============================================================================================
``seen``               1 where the animal was detected in this step, else 0; all others are 0 where it was not
``speed_<s>s``         body lengths per second of the middle, over the last and next `s` seconds (displacement / time)
``path_<s>s``          the same along the path: jitter and fidgeting count
``turn_<s>s``          radians per second that the body's axis turned, absolute
``shape_change``       1 - IoU of the body's outline with the step before, moved together: breathing, stretching
``length_ratio``       log of body length over the window's median
``elongation``         log of body length over width
``posture_<name>``     probability 0..1 of each posture of the compact student
``neighbour``          body lengths to the nearest other animal's middle, squashed to 0..1 (1 = touching)
``head_contact``       the same from this animal's head to the nearest part of another
``place_<name>``       body lengths from the head to the nearest edge of a place (trough, drinker …), squashed to 0..1
=====================  ==============================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from herdnet.errors import ShapeError

Floats = NDArray[np.float64]
SPANS_S = (1.0, 4.0, 12.0)
"""Motion is looked at over these times: steps, walks, resting."""
REACH = 1.0
"""Body lengths at which nearness has fallen to 1/e."""
SPEED_LIMIT = 6.0
"""Body lengths per second; beyond is an error of the tracker."""


@dataclass(frozen=True)
class Steps:
    """One tracklet in equal steps. T steps; rows of steps without detection are NaN (or anything)."""

    step_s: float
    seen: NDArray[np.bool_]
    """[T]."""
    middle: Floats
    """[T, 2], pixels or metres, the same unit as all lengths here."""
    axis: Floats
    """[T], radians, direction of the head (or, where that is not known, of either end)."""
    length: Floats
    """[T]."""
    width: Floats
    """[T]."""
    postures: Floats
    """[T, P] probabilities."""
    neighbour: Floats
    """[T], distance to the nearest other animal's middle; inf where it is alone."""
    head_contact: Floats
    """[T], distance from the head to the nearest other animal; inf where it is alone."""
    shape_change: Floats | None = None
    """[T], 0..1."""
    places: dict[str, Floats] = field(default_factory=dict)
    """[T] each: distance from the head to that place; 0 inside, inf where the pen has none."""

    def __post_init__(self) -> None:
        steps = len(self.seen)
        given = [self.middle, self.axis, self.length, self.width, self.postures, self.neighbour, self.head_contact]
        if self.shape_change is not None:
            given.append(self.shape_change)
        if any(len(values) != steps for values in (*given, *self.places.values())) or self.step_s <= 0:
            raise ShapeError(f"a tracklet of {steps} steps has columns of other lengths, or its step is not positive")


def feature_names(postures: tuple[str, ...], places: tuple[str, ...]) -> tuple[str, ...]:
    """The columns of `features`, in order."""
    motion = [f"{what}_{span:g}s" for span in SPANS_S for what in ("speed", "path", "turn")]
    return (
        "seen",
        *motion,
        "shape_change",
        "length_ratio",
        "elongation",
        *(f"posture_{name}" for name in postures),
        "neighbour",
        "head_contact",
        *(f"place_{name}" for name in places),
    )


def features(steps: Steps, places: tuple[str, ...] = ()) -> NDArray[np.float32]:
    """[T, F], columns as `feature_names`. Finite whatever is missing.

    Args:
        steps: the tracklet.
        places: which to use, in this order; one that the pen does not have counts as far away.
    """
    count = len(steps.seen)
    if not count or not steps.seen.any():
        return np.zeros((count, len(feature_names(("",) * steps.postures.shape[1], places))), np.float32)
    length = float(np.nanmedian(steps.length[steps.seen]))
    length = length if np.isfinite(length) and length > 0 else 1.0
    middle = np.column_stack([_filled(steps.middle[:, k], steps.seen) for k in range(2)]) / length
    axis = _filled(np.unwrap(_filled(steps.axis, steps.seen) * 2) / 2, steps.seen)  # either end may be the head
    columns = [steps.seen.astype(float)]
    for span in SPANS_S:
        columns += _motion(middle, axis, steps.step_s, span)
    change = np.zeros(count) if steps.shape_change is None else steps.shape_change
    columns += [change, _log(steps.length / length), _log(steps.length / np.maximum(steps.width, 1e-6))]
    columns += list(steps.postures.T)
    columns += [_near(steps.neighbour / length), _near(steps.head_contact / length)]
    nowhere = np.full(count, np.inf)
    columns += [_near(steps.places.get(name, nowhere) / length) for name in places]
    table = np.nan_to_num(np.column_stack(columns), nan=0.0, posinf=0.0, neginf=0.0)
    return np.asarray(table * steps.seen[:, None], np.float32)


def _motion(middle: Floats, axis: Floats, step_s: float, span_s: float) -> list[Floats]:
    """Speed, path and turning over a centred span; at the ends of the tracklet over what there is of it."""
    count = len(middle)
    half = max(1, round(span_s / step_s / 2))
    before, after = np.maximum(np.arange(count) - half, 0), np.minimum(np.arange(count) + half, count - 1)
    seconds = np.maximum(after - before, 1) * step_s
    way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(middle, axis=0), axis=1))])
    turned = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(axis)))])
    speed = np.linalg.norm(middle[after] - middle[before], axis=1) / seconds
    path = (way[after] - way[before]) / seconds
    turn = (turned[after] - turned[before]) / seconds
    # square roots spread what lies near rest, where most behaviours differ
    return [np.sqrt(np.minimum(values, SPEED_LIMIT)) for values in (speed, path, turn)]


def _filled(values: Floats, seen: NDArray[np.bool_]) -> Floats:
    """Missing steps by the line between their neighbours."""
    usable = seen & np.isfinite(values)
    if not usable.any():
        return np.zeros(len(values))
    at = np.arange(len(values))
    return np.asarray(np.interp(at, at[usable], values[usable]))


def _near(distance: Floats) -> Floats:
    """Distance in body lengths → 1 (touching) to 0 (far)."""
    return np.exp(-np.maximum(np.nan_to_num(distance, nan=np.inf, posinf=np.inf), 0) / REACH)


def _log(ratio: Floats) -> Floats:
    return np.log(np.clip(np.nan_to_num(ratio, nan=1.0), 0.1, 20))
