"""Where an animal settles and how it gets there: the best of a handful of random proposals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from herdbook.simulate.bodies import Body, Floats, outside, overlap
from herdbook.simulate.layout import Layout, Rectangle

PROPOSALS = 20
WALL_M = 0.03
"""A place that reaches so far through a wall is not free."""
POINTS = 10
"""Points at which a proposed path is checked."""
OVERLAP_COST = 12.0
"""One metre of overlap weighs as much as so many metres of way."""
TURN_COST = 0.25
"""One radian of turning, likewise."""


@dataclass(frozen=True)
class Crowd:
    """The other animals' discs: centres ``[m, 2]`` and radii ``[m]``, where they are and where they are going."""

    centres: Floats
    radii: Floats


def settle(
    body: Body, proposals: Floats, layout: Layout, crowd: Crowd, preference: Floats, *, tolerance_m: float = 0.03
) -> Floats | None:
    """The proposed pose ``[3]`` of least preference value among those that are free, or none.

    Args:
        proposals: poses ``[n, 3]``.
        preference: ``[n]``, smaller is better.
        tolerance_m: how deep bodies may press into each other or a wall.
    """
    if not len(proposals):
        return None
    trouble = overlap(proposals, body, crowd.centres, crowd.radii)
    beyond = outside(proposals, body, layout.width_m, layout.depth_m)
    free = np.flatnonzero((trouble + beyond < tolerance_m) & (beyond < WALL_M))
    if not len(free):
        return None
    return np.asarray(proposals[free[np.argmin(preference[free])]])


def poses_in(area: Rectangle, body: Body, rng: np.random.Generator, n: int = 4 * PROPOSALS) -> Floats:
    """Random poses ``[n, 3]`` with the centre in an area."""
    r = body.radius
    return np.column_stack(
        [
            rng.uniform(area.x0 + r, area.x1 - r, n),
            rng.uniform(area.y0 + r, area.y1 - r, n),
            rng.uniform(-np.pi, np.pi, n),
        ]
    )


def poses_facing(targets: Floats, body: Body, gap_m: float | Floats, rng: np.random.Generator) -> Floats:
    """Random poses that point their snout at targets ``[n, 2]`` from any side, ``gap_m`` (one, or ``[n]``) away."""
    heading = rng.uniform(-np.pi, np.pi, len(targets))
    away = body.length_m / 2 + gap_m
    return np.column_stack([targets[:, 0] - away * np.cos(heading), targets[:, 1] - away * np.sin(heading), heading])


def at_places(places: Floats, body: Body, rng: np.random.Generator) -> Floats:
    """Poses with the snout at places ``[n, 3]``, each with a little latitude in heading."""
    heading = places[:, 2] + rng.normal(0, 0.08, len(places))
    away = body.length_m / 2
    return np.column_stack([places[:, 0] - away * np.cos(heading), places[:, 1] - away * np.sin(heading), heading])


def find_path(
    start: Floats, end: Floats, body: Body, layout: Layout, *, crowd: Crowd, rng: np.random.Generator
) -> Floats:
    """A smooth way ``[POINTS + 1, 2]`` from a pose to a pose that arrives in the end's heading.

    Cubic Bézier curves with a random first control point compete; length, turning, and overlap with the crowd and the
    walls along the way are the price.
    """
    a, b = start[:2], end[:2]
    reach = float(np.hypot(*(b - a)))
    approach = b - 0.4 * min(reach, 1.5) * np.array([np.cos(end[2]), np.sin(end[2])])
    spread = rng.normal(0, 0.45 * reach + 0.2, (PROPOSALS, 2))
    spread[0] = 0
    first = np.clip(a + (b - a) / 3 + spread, 0.2, np.array([layout.width_m, layout.depth_m]) - 0.2)
    u = np.linspace(0, 1, POINTS + 1)[None, :, None]
    curves = (1 - u) ** 3 * a + 3 * u * (1 - u) ** 2 * first[:, None] + 3 * u**2 * (1 - u) * approach + u**3 * b
    steps = np.diff(curves, axis=1)
    headings = np.arctan2(steps[..., 1], steps[..., 0])
    poses = np.concatenate([curves[:, 1:], headings[..., None]], axis=-1)
    trouble = overlap(poses, body, crowd.centres, crowd.radii) + outside(poses, body, layout.width_m, layout.depth_m)
    turns = np.abs((np.diff(headings, axis=1) + np.pi) % (2 * np.pi) - np.pi).sum(axis=1)
    length = np.hypot(steps[..., 0], steps[..., 1]).sum(axis=1)
    cost = length + TURN_COST * turns + OVERLAP_COST * trouble.mean(axis=1)
    return np.asarray(curves[int(np.argmin(cost))])
