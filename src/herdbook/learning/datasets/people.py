"""People in view are blanked before anything is stored."""

from __future__ import annotations

from collections.abc import Sequence

from herdbook.learning.formats.annotations import PERSON, Shape
from herdbook.learning.pixels import Image

MARGIN_PX = 4
"""Boxes and masks are drawn tight: this much around them goes too."""


def blanked(image: Image, shapes: Sequence[Shape]) -> tuple[Image, int]:
    """The picture with everybody in it black, and how many they were. What else is drawn stays."""
    import numpy as np
    from scipy import ndimage

    people = [shape for shape in shapes if shape.label == PERSON]
    if not people:
        return image, 0
    height, width = image.shape[:2]
    hidden = np.zeros((height, width), dtype=bool)
    for shape in people:
        drawn = shape.pixels(height, width)
        if drawn is not None and drawn.any():
            hidden |= drawn
        else:
            x, y, w, h = shape.box
            left, top = max(int(np.floor(x)), 0), max(int(np.floor(y)), 0)
            hidden[top : int(np.ceil(y + h)), left : int(np.ceil(x + w))] = True
    size = 2 * MARGIN_PX + 1
    hidden = ndimage.binary_dilation(hidden, np.ones((size, size), dtype=bool))
    return np.where(hidden[..., None], np.uint8(0), image), len(people)
