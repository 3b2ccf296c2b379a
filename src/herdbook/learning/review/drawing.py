"""Both sides' outlines on the frame, and frames with outlines for an annotation tool."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from herdbook.contracts.ethogram import Ethogram
from herdbook.errors import EmptyDatasetError
from herdbook.learning.formats.annotations import ANIMAL, PERSON, Annotations, Shape
from herdbook.learning.pixels import Image, read_picture
from herdbook.learning.review.disagree import Mask
from herdbook.learning.review.frames import SIDES, ReviewFrames, name_of
from herdbook.ledger.models import ReviewItem
from herdbook.settings import Settings

_COLOURS = ((230, 60, 40), (60, 200, 80), (70, 140, 255))
"""RGB of the student or track, the teacher or embedding, and the correction."""
_WIDTH = 900


def draw_sides(image: Image, sides: Mapping[str, Annotations]) -> bytes:
    """A PNG: each side's outlines in its colour, its name in the corner, animals' names beside them."""
    from PIL import Image as Pictures
    from PIL import ImageDraw

    scale = max(1, -(-_WIDTH // image.shape[1]))
    large = np.repeat(np.repeat(image, scale, axis=0), scale, axis=1)
    for colour, said in zip(_COLOURS, sides.values(), strict=False):
        for shape in said.shapes:
            mask = shape.pixels(*image.shape[:2])
            if mask is not None:
                large[_edge(np.repeat(np.repeat(mask, scale, axis=0), scale, axis=1))] = colour
    picture = Pictures.fromarray(large)
    pen = ImageDraw.Draw(picture)
    for number, (colour, (name, said)) in enumerate(zip(_COLOURS, sides.items(), strict=False)):
        pen.text((6, 4 + 13 * number), name, fill=colour)
        for shape in said.shapes:
            _write(pen, shape, colour, scale, number)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def given_out(
    settings: Settings, chosen: Sequence[ReviewItem], ethogram: Ethogram
) -> tuple[Annotations, Iterator[tuple[str, bytes]]]:
    """Frames under review with the teacher's or embedding's side drawn, to be corrected, and their pictures.

    Raises:
        EmptyDatasetError: there are none.
        NotFoundError: a frame is gone.
    """
    frames: dict[str, tuple[ReviewItem, Annotations]] = {}
    for item in chosen:
        frames.setdefault(name_of(item), (item, ReviewFrames(settings, item.site).side(item, SIDES[item.reason][-1])))
    if not frames:
        raise EmptyDatasetError("no frame is under review", "`herdbook learn reread` finds disagreement.")
    pictures = tuple(replace(said.pictures[0], extra={}) for _, said in frames.values())
    shapes = tuple(replace(shape, extra={}) for _, said in frames.values() for shape in said.shapes)
    annotations = Annotations("review", pictures, (ethogram.species, PERSON), shapes)
    kept = ((name, ReviewFrames(settings, item.site).picture(item)) for name, (item, _) in frames.items())
    return annotations, ((name, path.read_bytes()) for name, path in kept)


def frame_of(settings: Settings, item: ReviewItem) -> Image:
    """An item's frame, RGB.

    Raises:
        NotFoundError: it is gone.
    """
    return read_picture(ReviewFrames(settings, item.site).picture(item))


def _write(pen: object, shape: Shape, colour: tuple[int, int, int], scale: int, number: int) -> None:
    from PIL.ImageDraw import ImageDraw

    assert isinstance(pen, ImageDraw)
    x, y, width, height = (value * scale for value in shape.box)
    if shape.mask is None and not shape.polygons:
        pen.rectangle((x, y, x + width, y + height), outline=colour)
    animal = shape.attribute(ANIMAL)
    if animal:
        pen.text((x + 3, y + 3 + 11 * number), animal, fill=colour)


def _edge(mask: Mask) -> Mask:
    inner = mask.copy()
    inner[1:] &= mask[:-1]
    inner[:-1] &= mask[1:]
    inner[:, 1:] &= mask[:, :-1]
    inner[:, :-1] &= mask[:, 1:]
    return mask & ~inner
