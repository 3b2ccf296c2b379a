"""From contrast to animals: connected components, and touching animals split by what was there a moment ago."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float64]
"""N x 2, x and y."""

_ROUNDS = 3
_GUESS_ROUNDS = 10
_DEPTHS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)  # of the thickest place
_SAMPLE = 1500  # pixels of a blob that take part in the rounds


@dataclass(frozen=True)
class Prior:
    """An animal where it should be now: mean and covariance of its pixels, and their number."""

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    area: float


@dataclass(frozen=True)
class Blob:
    """One animal's pixels in the working picture: absolute coordinates of a window, and the mask in it."""

    x: int
    y: int
    mask: NDArray[np.bool_]
    split: bool = False

    @cached_property
    def area(self) -> int:
        """Pixels."""
        return int(np.count_nonzero(self.mask))

    @cached_property
    def gaussian(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and covariance of its pixels; a pixel is a square, not a point."""
        import cv2

        m = cv2.moments(self.mask.view(np.uint8), binaryImage=True)
        n = m["m00"]
        mean = np.array([self.x + m["m10"] / n, self.y + m["m01"] / n])
        return mean, np.array([[m["mu20"], m["mu11"]], [m["mu11"], m["mu02"]]]) / n + np.eye(2) / 12

    def pixels(self) -> Pixels:
        """Coordinates of its pixels."""
        rows, columns = np.nonzero(self.mask)
        return np.stack([columns + self.x, rows + self.y], axis=1).astype(np.float64)


def find(foreground: NDArray[np.uint8], smallest: float) -> list[Blob]:
    """Connected components of at least `smallest` pixels."""
    import cv2

    # Outlines cost a fraction of a labelled picture, and most components are specks.
    outlines, _ = cv2.findContours(foreground, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    blobs = []
    for outline in outlines:
        x, y, width, height = cv2.boundingRect(outline)
        if width * height >= smallest:
            mask = np.zeros((height, width), np.uint8)
            cv2.drawContours(mask, [outline], -1, 1, cv2.FILLED, offset=(-x, -y))
            blob = Blob(x, y, (mask & foreground[y : y + height, x : x + width]).view(bool))
            if blob.area >= smallest:
                blobs.append(blob)
    return blobs[::-1]


def split(blob: Blob, priors: Sequence[Prior], typical: float) -> list[Blob]:
    """The animals in a blob: as many as were here a moment ago, or as its size suggests where nobody was.

    Pixels go to the nearest animal by Mahalanobis distance, and the animals move to their pixels, a few rounds: a
    mixture of Gaussians with hard assignment whose covariances are held near those of the animals seen apart.
    """
    here = [p for p in priors if _inside(blob, p)]
    if len(here) < 2 and (typical <= 0 or blob.area < 1.7 * typical):
        return [blob]
    pixels = blob.pixels()
    some = pixels[:: max(1, len(pixels) // _SAMPLE)]
    if len(here) < 2:
        here = _guess(blob, some, typical)
    means, covariances = np.stack([p.mean for p in here]), np.stack([p.covariance for p in here])
    for _ in range(_ROUNDS):
        owner = _nearest(some, means, covariances)
        means = np.stack([_mean(some[owner == k], means[k]) for k in range(len(here))])
    owner = _nearest(pixels, means, covariances)
    parts = []
    for k, prior in enumerate(here):
        mine = pixels[owner == k].astype(int)
        if len(mine) >= 0.2 * min(prior.area, typical or prior.area):
            parts.append(_blob_of(mine))
    if len(parts) < 2:
        return [blob]
    return [small for part in parts for small in (split(part, (), typical) if not priors else [part])]


def _mean(pixels: Pixels, otherwise: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(pixels.mean(axis=0)) if len(pixels) else otherwise


def _inside(blob: Blob, prior: Prior) -> bool:
    column, row = round(prior.mean[0]) - blob.x, round(prior.mean[1]) - blob.y
    height, width = blob.mask.shape
    if not (0 <= row < height and 0 <= column < width):
        return False
    reach = 3
    return bool(blob.mask[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1].any())


def _nearest(pixels: Pixels, means: NDArray[np.float64], covariances: NDArray[np.float64]) -> NDArray[np.intp]:
    inverse = np.linalg.inv(covariances + np.eye(2))
    dx, dy = pixels[:, 0] - means[:, :1], pixels[:, 1] - means[:, 1:]
    a, b, c = inverse[:, 0, 0, None], inverse[:, 0, 1, None], inverse[:, 1, 1, None]
    return np.asarray((a * dx * dx + 2 * b * dx * dy + c * dy * dy).argmin(axis=0))


def _guess(blob: Blob, pixels: Pixels, typical: float) -> list[Prior]:
    """Animals that nobody saw apart: the thick parts that remain when thin ones wear away, else as many as fit."""
    # Two large ones are likelier than three small ones, hence the number is rounded down more often than up.
    animals = max(2, int(blob.area / typical + 0.35))
    cores = _cores(blob, animals, 0.1 * typical)
    if len(cores) > 1:
        return [Prior(*part.gaussian, part.area) for part in _around(blob, cores)]
    return [Prior(m, c, blob.area / animals) for m, c in zip(*_side_by_side(pixels, animals), strict=True)]


def _cores(blob: Blob, animals: int, smallest: float) -> list[Blob]:
    """The most parts, up to so many, into which the blob falls when it is eroded deeper and deeper."""
    import cv2

    depth = cv2.distanceTransform(np.pad(blob.mask, 1).view(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    most: list[Blob] = []
    for share in _DEPTHS:
        parts = find((depth > share * depth.max()).astype(np.uint8), smallest)
        if len(most) < len(parts) <= animals:
            most = parts
    return [Blob(blob.x + part.x, blob.y + part.y, part.mask) for part in most]


def _around(blob: Blob, cores: list[Blob]) -> list[Blob]:
    """The blob shared out: each pixel to the core nearest to it."""
    import cv2

    outside = np.ones(blob.mask.shape, np.uint8)
    for core in cores:
        height, width = core.mask.shape
        window = outside[core.y - blob.y :, core.x - blob.x :][:height, :width]
        window[core.mask] = 0
    _, nearest = cv2.distanceTransformWithLabels(outside, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_CCOMP)
    labels = np.unique(nearest[outside == 0])
    return [Blob(blob.x, blob.y, blob.mask & (nearest == label)) for label in labels]


def _side_by_side(pixels: Pixels, animals: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means and covariances of a mixture that starts round, in a row along the main axis."""
    centre = pixels.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(pixels.T))
    along = (pixels - centre) @ vectors[:, -1]
    means = centre + np.quantile(along, (np.arange(animals) + 0.5) / animals)[:, None] * vectors[:, -1]
    covariances = np.stack([np.eye(2) * max(values[0], 1.0)] * animals)
    for _ in range(_GUESS_ROUNDS):
        owner = _nearest(pixels, means, covariances)
        for k in range(animals):
            mine = pixels[owner == k]
            if len(mine) > 10:
                means[k], covariances[k] = mine.mean(axis=0), np.cov(mine.T)
    return means, covariances


def _blob_of(pixels: NDArray[np.int_]) -> Blob:
    x, y = pixels.min(axis=0)
    width, height = pixels.max(axis=0) - (x, y) + 1
    mask = np.zeros((height, width), bool)
    mask[pixels[:, 1] - y, pixels[:, 0] - x] = True
    return Blob(int(x), int(y), mask, split=True)
