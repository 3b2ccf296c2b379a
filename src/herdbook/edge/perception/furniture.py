"""What has not moved for hours is furniture, not an animal: a bucket, or the ghost of one that left."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from herdbook.edge.perception.base import Image

_WHOLE = 0.98


class Furniture:
    """Counts, pixel by pixel, for how long the picture has been the same.

    A plain coat looks the same for long inside an animal's outline, but no animal lies so still that its outline does:
    breathing moves it. So a shape is furniture only as a whole.
    """

    def __init__(self, shape: tuple[int, int], after_s: float) -> None:
        self._after_s = after_s
        self._then: Image | None = None
        self._same_s = np.zeros(shape, np.float32)

    def watch(
        self, image: Image, foreground: NDArray[np.uint8], tolerance: float, elapsed_s: float
    ) -> NDArray[np.uint8] | None:
        """The shapes of the foreground, with a margin, that have not changed for long enough; none if there are none.

        Args:
            image: the picture in the floor's light.
            foreground: 1 where it differs from the floor.
            tolerance: grey levels that still count as the same.
            elapsed_s: seconds of footage since the last call; time without footage does not count.
        """
        import cv2

        if self._then is None:
            self._then = image.copy()
        moved = cv2.absdiff(image, self._then).max(axis=2) > tolerance
        self._same_s += elapsed_s
        self._same_s[moved] = 0
        self._then[moved] = image[moved]
        still = (self._same_s >= self._after_s) & (foreground > 0)
        if not still.any():
            return None
        count, labels = cv2.connectedComponents(foreground)
        share = np.bincount(labels[still], minlength=count) / np.bincount(labels.ravel(), minlength=count)
        whole = np.flatnonzero(share[1:] >= _WHOLE) + 1
        if not len(whole):
            return None
        return np.asarray(cv2.dilate(np.isin(labels, whole).astype(np.uint8), np.ones((5, 5), np.uint8)), np.uint8)
