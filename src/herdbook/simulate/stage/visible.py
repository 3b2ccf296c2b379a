"""What of each animal a picture shows: boxes of the visible part, pixels hidden, and who touches whom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from herdbook.simulate.bodies import Floats

SEEN_SHARE = 0.15
"""An animal has a box when at least this share of its whole silhouette is seen, and `SEEN_PIXELS`."""
SEEN_PIXELS = 24
CONTACT_PIXELS = 4
"""Two animals touch in a picture when their visible parts adjoin along at least so many pixels."""


@dataclass(frozen=True)
class Visibility:
    """Of each of ``n`` animals in one frame.

    ``visible [n]`` and ``whole [n]``: pixels seen, and pixels of its silhouette within the picture had nothing hidden
    it. ``touches [n]``: how many others its visible part adjoins.
    """

    visible: NDArray[np.int32]
    whole: NDArray[np.int32]
    touches: NDArray[np.int32]

    @property
    def occluded(self) -> Floats:
        """``[n]``: hidden share of what lies within the picture, 0..1; 1 where nothing does."""
        return 1 - self.visible / np.maximum(self.whole, 1)


def boxes(labels: NDArray[np.uint8], seen: Visibility, inside: Floats) -> Floats:
    """Boxes ``[n, 4]`` (x, y, width, height) around what is seen; NaN where that is too little.

    Args:
        labels: 0, or an animal's number from 1.
        seen: how much is seen.
        inside: share ``[n]`` of each silhouette that lies within the picture.
    """
    from scipy.ndimage import find_objects

    n = len(seen.visible)
    found = np.full((n, 4), np.nan)
    enough = (seen.visible >= SEEN_PIXELS) & (seen.visible * inside >= SEEN_SHARE * np.maximum(seen.whole, 1))
    for k, place in enumerate(find_objects(labels, n)):
        if place is not None and enough[k]:
            rows, columns = place
            found[k] = columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start
    return found


def touches(labels: NDArray[np.uint8], n: int) -> NDArray[np.int32]:
    """How many others each animal adjoins, at a distance of one or two pixels along rows or columns."""
    length = np.zeros((n + 1, n + 1), np.int64)
    for a, b in ((labels[:, :-2], labels[:, 2:]), (labels[:-2], labels[2:])):
        meet = (a != b) & (a > 0) & (b > 0)
        length += np.bincount(a[meet].astype(int) * (n + 1) + b[meet], minlength=(n + 1) ** 2).reshape(n + 1, n + 1)
    both = length + length.T >= 2 * CONTACT_PIXELS  # a shared edge is crossed twice
    return np.asarray(both[1:, 1:].sum(axis=1), np.int32)
