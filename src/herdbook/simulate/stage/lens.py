"""A tilted pinhole camera with radial distortion over a flat floor, both ways.

Coordinates of the world: x and y on the floor as `Layout` has them, z down into it, so that they are right-handed as
the picture's are (x right, y down, z into the scene). Pinhole and plane: Hartley & Zisserman 2004, ch. 6 and 8;
distortion: Brown 1966.
"""

from __future__ import annotations

import numpy as np

from herdbook.simulate.bodies import Floats
from herdbook.simulate.layout import Layout
from herdbook.simulate.stage.plan import Mount

MARGIN_M = 0.12
"""Floor seen beyond the pen's walls."""


class Lens:
    """One camera: pixels of its picture against metres on the floor."""

    def __init__(self, mount: Mount, layout: Layout, size: tuple[int, int]) -> None:
        middle = np.array([layout.width_m, layout.depth_m]) / 2
        tilt, towards, roll = np.radians([mount.tilt_deg, mount.towards_deg, mount.roll_deg])
        aside = mount.height_m * np.tan(tilt) * np.array([np.cos(towards), np.sin(towards)])
        self._centre = np.array([*(middle - aside), -mount.height_m])
        forward = np.array([*aside, mount.height_m])
        forward /= np.linalg.norm(forward)
        right = np.array([np.cos(roll), np.sin(roll), 0.0])
        right -= (right @ forward) * forward
        right /= np.linalg.norm(right)
        self._axes = np.stack([right, np.cross(forward, right), forward])
        self._k = mount.distortion
        self.size = size
        around = _outline(layout, MARGIN_M)
        plain = self._plain(around)
        self._edge = float(np.hypot(*plain.T).max())
        bent = self._bend(plain)
        low, high = bent.min(axis=0), bent.max(axis=0)
        self._focal = float(min((np.array(size) - 2) / (high - low)))
        self._shift = np.array(size) / 2 - self._focal * (low + high) / 2

    def project(self, points: Floats) -> Floats:
        """Pixels ``[..., 2]`` of floor points ``[..., 2]`` in metres."""
        return np.asarray(self._bend(self._plain(points)) * self._focal + self._shift)

    def floor(self, pixels: Floats) -> Floats:
        """Floor points ``[..., 2]`` in metres of pixels ``[..., 2]``. A strongly bent lens has pixels that see nothing,
        beyond where its model folds back (3 k r² = -1): they get the floor at the fold, which is outside the pen."""
        bent = (pixels - self._shift) / self._focal
        if self._k < 0:
            fold = 2 / 3 * self._edge / np.sqrt(-3 * self._k)
            bent = bent * np.minimum(1.0, fold / np.maximum(np.linalg.norm(bent, axis=-1, keepdims=True), 1e-9))
        plain = bent
        for _ in range(12):  # a fixed point: distortion is mild
            plain = bent / (1 + self._k * self._squared(plain))
        rays = plain[..., :1] * self._axes[0] + plain[..., 1:] * self._axes[1] + self._axes[2]
        reach = -self._centre[2] / np.maximum(rays[..., 2:], 1e-3)
        return np.asarray(self._centre[:2] + reach * rays[..., :2])

    def homography(self, layout: Layout) -> tuple[tuple[float, ...], float]:
        """The plane homography, pixels to metres, that fits best over the pen, and its root mean square error in
        metres: what a person who calibrates this camera would get."""
        gx, gy = np.meshgrid(np.linspace(0, layout.width_m, 9), np.linspace(0, layout.depth_m, 9))
        points = np.column_stack([gx.ravel(), gy.ravel()])
        pixels = self.project(points)
        found = _fit(pixels, points)
        mapped = np.column_stack([pixels, np.ones(len(pixels))]) @ found.T
        error = np.hypot(*(mapped[:, :2] / mapped[:, 2:] - points).T)
        return tuple(round(float(v), 9) for v in (found / found[2, 2]).ravel()), float(np.sqrt((error**2).mean()))

    def pixels_per_metre(self) -> float:
        """Scale of the picture at its middle."""
        at = self.floor(np.array(self.size) / 2)
        step = self.project(at + np.array([[0.0, 0.0], [0.1, 0.0], [0.0, 0.1]]))
        return float(np.hypot(*(step[1:] - step[0]).T).mean() / 0.1)

    def _plain(self, points: Floats) -> Floats:
        rays = np.concatenate([points, np.zeros((*points.shape[:-1], 1))], axis=-1) - self._centre
        seen = rays @ self._axes.T
        return np.asarray(seen[..., :2] / seen[..., 2:])

    def _squared(self, plain: Floats) -> Floats:
        return np.asarray((plain**2).sum(axis=-1, keepdims=True) / self._edge**2)

    def _bend(self, plain: Floats) -> Floats:
        return np.asarray(plain * (1 + self._k * self._squared(plain)))


def _fit(a: Floats, b: Floats) -> Floats:
    """The homography ``[3, 3]`` from points a to points b ``[n, 2]``: the normalised direct linear transform (Hartley &
    Zisserman 2004, algorithm 4.2)."""
    scales = [
        np.array([[1 / p.std(), 0, -p[:, 0].mean() / p.std()], [0, 1 / p.std(), -p[:, 1].mean() / p.std()], [0, 0, 1]])
        for p in (a, b)
    ]
    (ax, ay), (bx, by) = (
        (np.column_stack([p, np.ones(len(p))]) @ t.T)[:, :2].T for p, t in zip((a, b), scales, strict=True)
    )
    one, none = np.ones(len(ax)), np.zeros(len(ax))
    rows = np.concatenate(
        [
            np.column_stack([ax, ay, one, none, none, none, -bx * ax, -bx * ay, -bx]),
            np.column_stack([none, none, none, ax, ay, one, -by * ax, -by * ay, -by]),
        ]
    )
    found = np.linalg.svd(rows)[2][-1].reshape(3, 3)
    return np.asarray(np.linalg.inv(scales[1]) @ found @ scales[0])


def _outline(layout: Layout, grown: float) -> Floats:
    x = np.linspace(-grown, layout.width_m + grown, 25)
    y = np.linspace(-grown, layout.depth_m + grown, 25)
    sides = [np.column_stack([x, np.full(25, y[k])]) for k in (0, -1)]
    sides += [np.column_stack([np.full(25, x[k]), y]) for k in (0, -1)]
    return np.concatenate(sides)
