"""What a reviewer looks at: the frame itself and each side's outlines, kept apart from footage, which expires.

``<home>/registry/review/<site>/`` holds ``pictures/<device>/<day>/<clip>/<frame>.png`` and
``sides/<device>/<day>/<clip>/<frame>.<reason>[-<subject>].<side>.json`` (COCO), where a side is ``student`` or
``teacher``, ``track`` or ``embedding``, and ``corrected`` once a person drew what is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from herdbook.contracts.durable import make_folder, write_durably
from herdbook.errors import NotFoundError
from herdbook.learning.datasets.labels import picture_name
from herdbook.learning.formats.annotations import Annotations, Picture, Shape
from herdbook.learning.formats.coco import coco_bytes, read_coco
from herdbook.learning.formats.rle import Rle
from herdbook.learning.pixels import Image, png_bytes
from herdbook.learning.review.disagree import Mask
from herdbook.ledger.models import ReviewItem, ReviewReason
from herdbook.settings import Settings

CORRECTED = "corrected"
SIDES = {ReviewReason.OUTLINES: ("student", "teacher"), ReviewReason.IDENTITY: ("track", "embedding")}
"""The two sides of each reason; the latter is what is taken unless a reviewer says otherwise."""


class ReviewFrames:
    """Pictures and sides of one site."""

    def __init__(self, settings: Settings, site: str) -> None:
        self.folder = settings.registry / "review" / site

    def picture(self, item: ReviewItem) -> Path:
        """Where an item's frame lies."""
        return self.folder / "pictures" / name_of(item)

    def write_picture(self, item: ReviewItem, image: Image) -> None:
        """Keep an item's frame."""
        path = self.picture(item)
        if not path.is_file():
            make_folder(path.parent)
            write_durably(path, png_bytes(image))

    def write_side(self, item: ReviewItem, side: str, size: tuple[int, int], shapes: Sequence[Shape]) -> None:
        """Keep what a side says of an item's frame of ``size`` (width, height)."""
        labels = tuple(dict.fromkeys(shape.label for shape in shapes))
        said = Annotations("review", (Picture(name_of(item), *size),), labels, tuple(shapes))
        path = self._side(item, side)
        make_folder(path.parent)
        write_durably(path, coco_bytes(said))

    def side(self, item: ReviewItem, side: str) -> Annotations:
        """What a side says.

        Raises:
            NotFoundError: its file is gone.
        """
        path = self._side(item, side)
        if not path.is_file():
            raise NotFoundError(f"there is no {path}", "Find disagreement again: `herdbook learn reread --again`.")
        return read_coco(path)

    def sides(self, item: ReviewItem) -> Mapping[str, Annotations]:
        """All that is said of an item's frame, a person's correction last."""
        names = (*SIDES[item.reason], CORRECTED)
        return {side: read_coco(path) for side in names if (path := self._side(item, side)).is_file()}

    def _side(self, item: ReviewItem, side: str) -> Path:
        about = f"-{hashlib.sha256(item.subject.encode()).hexdigest()[:8]}" if item.subject else ""
        name = Path(name_of(item)).with_suffix("")
        return self.folder / "sides" / name.parent / f"{name.name}.{item.reason.value}{about}.{side}.json"


def name_of(item: ReviewItem) -> str:
    """What an item's picture is called wherever it goes."""
    return picture_name(item.device_id, item.day, item.clip, item.frame)


def outlined(item: ReviewItem, masks: Sequence[Mask], label: str) -> list[Shape]:
    """Masks as shapes of an item's frame; empty ones are left out."""
    found = []
    for mask in masks:
        runs = Rle.encode(mask)
        if runs.area:
            found.append(Shape(name_of(item), label, runs.bounds(), mask=runs))
    return found
