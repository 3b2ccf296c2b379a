"""Bodies as chains of discs: an elongated shape whose distances are cheap to compute for many poses at once.

A pose is ``(x, y, heading)``: the body's centre in metres and the direction of the head in radians (x towards y).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

DISCS = 3

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Body:
    """Length from snout to tail and width, metres."""

    length_m: float
    width_m: float

    @property
    def radius(self) -> float:
        """Radius of each disc."""
        return self.width_m / 2

    @cached_property
    def offsets(self) -> Floats:
        """``[DISCS]``: positions of the discs' centres along the body, from the tail."""
        half = (self.length_m - self.width_m) / 2
        return np.linspace(-half, half, DISCS)


def discs(poses: Floats, body: Body) -> Floats:
    """Centres ``[..., DISCS, 2]`` of a body's discs at poses ``[..., 3]``."""
    along = np.stack([np.cos(poses[..., 2]), np.sin(poses[..., 2])], axis=-1)
    return np.asarray(poses[..., None, :2] + body.offsets[:, None] * along[..., None, :])


def overlap(poses: Floats, body: Body, others: Floats, other_radii: Floats) -> Floats:
    """How deep a body at poses ``[..., 3]`` reaches into other discs ``[m, 2]``, metres; 0 where it touches none.

    The deepest of its discs counts.
    """
    shape = poses.shape[:-1]
    if not len(others):
        return np.zeros(shape)
    mine = discs(poses, body).reshape(-1, 2)
    squared = (mine**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2 * mine @ others.T
    depth = body.radius + other_radii - np.sqrt(np.maximum(squared, 0.0))
    return np.asarray(np.maximum(depth.reshape(*shape, -1).max(axis=-1), 0.0))


def outside(poses: Floats, body: Body, width_m: float, depth_m: float) -> Floats:
    """How far a body at poses ``[..., 3]`` reaches through the walls of a pen, metres; 0 where it lies inside."""
    centres = discs(poses, body)
    beyond = np.maximum(body.radius - centres, centres + body.radius - np.array([width_m, depth_m]))
    return np.asarray(np.maximum(beyond.max(axis=(-1, -2)), 0.0))
