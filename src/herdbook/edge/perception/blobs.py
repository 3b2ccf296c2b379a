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
    if len(here) < 2:
        here = _guess(pixels, round(len(pixels) / typical))
    means = np.stack([p.mean for p in here])
    inverse = np.stack([np.linalg.inv(p.covariance + np.eye(2)) for p in here])
    some = pixels[:: max(1, len(pixels) // _SAMPLE)]
    for _ in range(_ROUNDS):
        owner = _nearest(some, means, inverse)
        for k in range(len(here)):
            mine = some[owner == k]
            if len(mine):
                means[k] = mine.mean(axis=0)
    owner = _nearest(pixels, means, inverse)
    parts = []
    for k, prior in enumerate(here):
        mine = pixels[owner == k].astype(int)
        if len(mine) >= 0.2 * min(prior.area, typical or prior.area):
            parts.append(_blob_of(mine))
    return parts if len(parts) > 1 else [blob]


def _inside(blob: Blob, prior: Prior) -> bool:
    column, row = round(prior.mean[0]) - blob.x, round(prior.mean[1]) - blob.y
    height, width = blob.mask.shape
    if not (0 <= row < height and 0 <= column < width):
        return False
    reach = 3
    return bool(blob.mask[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1].any())


def _nearest(pixels: Pixels, means: NDArray[np.float64], inverse: NDArray[np.float64]) -> NDArray[np.intp]:
    dx, dy = pixels[:, 0] - means[:, :1], pixels[:, 1] - means[:, 1:]
    a, b, c = inverse[:, 0, 0, None], inverse[:, 0, 1, None], inverse[:, 1, 1, None]
    return np.asarray((a * dx * dx + 2 * b * dx * dy + c * dy * dy).argmin(axis=0))


def _guess(pixels: Pixels, animals: int) -> list[Prior]:
    """Round animals of equal size along the blob's main axis."""
    centred = pixels - pixels.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(centred.T))
    along = centred @ vectors[:, -1]
    quantiles = np.quantile(along, (np.arange(animals) + 0.5) / animals)
    covariance = np.eye(2) * max(values[0], 1.0)
    area = len(pixels) / animals
    return [Prior(pixels.mean(axis=0) + q * vectors[:, -1], covariance, area) for q in quantiles]


def _blob_of(pixels: NDArray[np.int_]) -> Blob:
    x, y = pixels.min(axis=0)
    width, height = pixels.max(axis=0) - (x, y) + 1
    mask = np.zeros((height, width), bool)
    mask[pixels[:, 1] - y, pixels[:, 0] - x] = True
    return Blob(int(x), int(y), mask, split=True)
