"""Masks as run lengths, the way COCO counts them: down each column, background first.

Source: Lin et al. 2014, arXiv:1405.0312, and the reference mask API's compressed text: counts as signed numbers of five
bits a character, from the third on as the difference to the count two before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from herdbook.errors import FileFormatError

Mask = npt.NDArray[np.bool_]
"""(height, width), true where the animal is."""


@dataclass(frozen=True)
class Rle:
    """A mask of ``height`` x ``width`` pixels; ``counts`` alternate between background and animal."""

    height: int
    width: int
    counts: tuple[int, ...]

    @classmethod
    def checked(cls, source: str, height: int, width: int, counts: list[int] | tuple[int, ...]) -> Self:
        """Run lengths from outside.

        Raises:
            FileFormatError: they do not fill the picture exactly.
        """
        if any(count < 0 for count in counts) or sum(counts) != height * width:
            raise FileFormatError(f"{source}: the mask's runs do not fill {width} x {height} pixels")
        return cls(height, width, tuple(counts))

    @classmethod
    def encode(cls, mask: Mask) -> Self:
        """The runs of a mask."""
        flat = mask.ravel(order="F")
        edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
        runs = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
        first = [0] if flat.size and flat[0] else []
        return cls(mask.shape[0], mask.shape[1], tuple(first + runs))

    def decode(self) -> Mask:
        """The mask of the runs."""
        values = np.arange(len(self.counts)) % 2 == 1
        return np.repeat(values, self.counts).reshape((self.height, self.width), order="F")

    @property
    def area(self) -> int:
        """Pixels of the animal."""
        return sum(self.counts[1::2])

    def bounds(self) -> tuple[float, float, float, float]:
        """The box around the animal, ``x, y, width, height``; zeros where there is none."""
        mask = self.decode()
        columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
        if not len(columns):
            return 0.0, 0.0, 0.0, 0.0
        x, y = int(columns[0]), int(rows[0])
        return float(x), float(y), float(columns[-1] + 1 - x), float(rows[-1] + 1 - y)


def counts_from_text(source: str, text: str) -> list[int]:
    """The counts of COCO's compressed text.

    Raises:
        FileFormatError: it breaks off, or holds other characters.
    """
    counts: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift > 50:
            raise FileFormatError(f"{source}: the mask's compressed text is damaged")
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            if bits & 16:
                value -= 1 << shift
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    if shift:
        raise FileFormatError(f"{source}: the mask's compressed text breaks off")
    return counts


def fill_polygons(polygons: tuple[tuple[float, ...], ...], height: int, width: int) -> Mask:
    """Pixels whose centre lies inside one of the polygons (``x0, y0, x1, y1, …``), by the even-odd rule for each."""
    filled = np.zeros((height, width), dtype=bool)
    for polygon in polygons:
        filled |= _fill(np.asarray(polygon, dtype=np.float64).reshape(-1, 2), height, width)
    return filled


def _fill(corners: npt.NDArray[np.float64], height: int, width: int) -> Mask:
    x0, y0 = corners.T
    x1, y1 = np.roll(corners, -1, axis=0).T
    mask = np.zeros((height, width), dtype=bool)
    centres = np.arange(width) + 0.5
    top, bottom = max(int(np.floor(y0.min())), 0), min(int(np.ceil(y0.max())) + 1, height)
    for row in range(top, bottom):
        y = row + 0.5
        crosses = (y0 <= y) != (y1 <= y)
        at = x0[crosses] + (y - y0[crosses]) * (x1[crosses] - x0[crosses]) / (y1[crosses] - y0[crosses])
        mask[row] = np.searchsorted(np.sort(at), centres, side="right") % 2 == 1
    return mask
