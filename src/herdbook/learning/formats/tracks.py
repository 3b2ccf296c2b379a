"""Boxes with identities, frame by frame: what every track file says, whatever its format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from herdbook.errors import FileFormatError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MAX_BOXES = 20_000_000
"""A file that says more is refused before it fills the memory: 8 animals at 25 fps for 27 hours."""


@dataclass(frozen=True, eq=False)
class Tracks:
    """What one file says of one video, in the order of frame, then id. Build it with `Tracks.checked`."""

    frames: Ints
    """(N,) video frame of each box, counted from 1."""
    ids: Ints
    """(N,) index into ``names``; unique within a frame."""
    names: tuple[str, ...]
    """Each animal's name in the file."""
    boxes: Floats
    """(N, 4) ``x, y, width, height`` in pixels of the full frame, x and y of the top-left corner; sizes above 0."""
    behaviours: tuple[str | None, ...] | None = None
    """(N,) behaviour of each box's animal, where the format carries it."""
    stated: Ints | None = None
    """Sorted frames that the file speaks of; none if it speaks of every frame."""
    remarks: tuple[str, ...] = ()
    """What had to be decided while reading, for people."""

    def __len__(self) -> int:
        return len(self.frames)

    @classmethod
    def checked(
        cls,
        source: str,
        frames: Sequence[int] | npt.NDArray[Any],
        ids: Sequence[str] | Sequence[int] | npt.NDArray[Any],
        boxes: Sequence[Sequence[float]] | npt.NDArray[Any],
        *,
        behaviours: Sequence[str | None] | None = None,
        stated: Ints | None = None,
        remarks: tuple[str, ...] = (),
    ) -> Tracks:
        """Tracks from rows in any order.

        Args:
            source: the file, for messages.
            frames: (N,) video frame of each box, from 1.
            ids: (N,) name of the animal in each box: texts, or numbers.
            boxes: (N, 4) ``x, y, width, height``.
            behaviours: (N,) or none.
            stated: sorted frames the file speaks of, if not all.
            remarks: what was decided while reading.

        Raises:
            FileFormatError: a number is not finite, a size is not above 0, a frame lies before 1, or an id occurs
                twice in a frame.
        """
        where = np.asarray(frames, dtype=np.int64).reshape(-1)
        rects = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
        unique, codes = np.unique(np.asarray(ids), return_inverse=True)
        names = tuple(str(name) for name in unique)
        codes = codes.astype(np.int64).reshape(-1)
        _check(source, where, codes, names, rects)
        order = np.lexsort((codes, where))
        return cls(
            frames=where[order],
            ids=codes[order],
            names=names,
            boxes=rects[order],
            behaviours=None if behaviours is None else tuple(behaviours[i] for i in order),
            stated=stated,
            remarks=remarks,
        )


def _check(source: str, frames: Ints, ids: Ints, names: tuple[str, ...], boxes: Floats) -> None:
    def refuse(verdict: npt.NDArray[np.bool_] | np.bool_, what: str) -> None:
        bad = np.atleast_1d(verdict)
        if bad.any():
            first = int(np.argmax(bad))
            others = f" (and {int(bad.sum()) - 1} more)" if bad.sum() > 1 else ""
            raise FileFormatError(f"{source}: frame {frames[first]}, id {names[ids[first]]}: {what}{others}")

    refuse(frames < 1, "frames count from 1")
    refuse(~np.isfinite(boxes).all(axis=1), "a coordinate is not a finite number")
    refuse((boxes[:, 2:] <= 0).any(axis=1), "width and height must be above 0")
    order = np.lexsort((ids, frames))
    twice = np.zeros(len(frames), dtype=bool)
    twice[order[1:]] = (np.diff(frames[order]) == 0) & (np.diff(ids[order]) == 0)
    refuse(twice, "the id occurs twice in the frame")
