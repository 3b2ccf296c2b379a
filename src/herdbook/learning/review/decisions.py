"""A reviewer's word about items of the queue: accepted, corrected or discarded. Only people decide."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from herdbook.contracts.ethogram import Ethogram
from herdbook.errors import FileFormatError, InputError, NotFoundError
from herdbook.learning.datasets.labels import picture_name, place_of
from herdbook.learning.formats.annotations import Annotations
from herdbook.learning.formats.checks import checked
from herdbook.learning.pixels import read_picture
from herdbook.learning.review.frames import CORRECTED, SIDES, ReviewFrames, name_of
from herdbook.ledger.models import ReviewItem, ReviewState
from herdbook.ledger.reviews import decide, find_item, items
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings


def accept(
    settings: Settings, item_ids: Sequence[int], *, by: str, side: str | None = None, comment: str | None = None
) -> list[ReviewItem]:
    """One side is right: all of these items, or an error and none.

    Args:
        settings: where ledger and frames are.
        item_ids: open items.
        by: who says so.
        side: which; the teacher's or the embedding's if not said.
        comment: for the ledger.

    Raises:
        NotFoundError: there is no such item, or its frame is gone.
        InputError: an item has no such side, or was decided otherwise.
    """
    with ledger_session(settings) as session:
        for item_id in item_ids:
            item = find_item(session, item_id)
            sides = SIDES[item.reason]
            if side is not None and side not in sides:
                raise InputError(f"item {item_id} has no side '{side}'", f"Its sides are {' and '.join(sides)}.")
            ReviewFrames(settings, item.site).side(item, side or sides[-1])
            decide(session, item_id, ReviewState.ACCEPTED, by=by, side=side or sides[-1], comment=comment)
        return [find_item(session, item_id) for item_id in item_ids]


def discard(settings: Settings, item_ids: Sequence[int], *, by: str, comment: str | None = None) -> list[ReviewItem]:
    """These frames teach nothing: all of these items, or an error and none.

    Raises:
        NotFoundError: there is no such item.
        InputError: an item was decided otherwise.
    """
    with ledger_session(settings) as session:
        return [decide(session, number, ReviewState.DISCARDED, by=by, comment=comment) for number in item_ids]


def correct(
    settings: Settings,
    annotations: Annotations,
    ethogram: Ethogram,
    *,
    by: str,
    item_ids: Collection[int] = (),
    comment: str | None = None,
) -> list[ReviewItem]:
    """What a person drew is right: every open item whose frame the file holds, or an error and none.

    Args:
        settings: where ledger and frames are.
        annotations: as read; pictures named as they were given out.
        ethogram: what classes and behaviours there are.
        by: who drew.
        item_ids: only these items, each of which the file must hold.
        comment: for the ledger.

    Raises:
        NotFoundError: the file holds no frame of an open item, or not one that was named.
        FileFormatError: a picture's size is not its frame's.
        UnknownClassError, BoxOutsideFrameError, EmptyDatasetError: see `formats.checks.checked`.
    """
    sound = checked(annotations, ethogram)
    names = {place: p.name for p in sound.pictures if (place := _ours(p.name)) is not None}
    with ledger_session(settings) as session:
        wanted = [find_item(session, number) for number in item_ids] or [
            item for item in items(session) if name_of(item) in names
        ]
        if not wanted:
            raise NotFoundError(
                f"{annotations.source} holds no frame that is under review",
                "Pictures are named <device>/<day>/<clip>/<frame>.png: `herdbook learn review give` writes them so.",
            )
        for item in wanted:
            _take(settings, item, sound, names)
            decide(session, item.item_id, ReviewState.CORRECTED, by=by, comment=comment)
        return wanted


def _ours(name: str) -> str | None:
    place = place_of(name)
    return None if place is None else picture_name(*place)


def _take(settings: Settings, item: ReviewItem, sound: Annotations, names: dict[str, str]) -> None:
    """Keep one frame's annotations as the item's correction."""
    given = names.get(name_of(item))
    if given is None:
        raise NotFoundError(f"{sound.source} does not hold {name_of(item)}, the frame of item {item.item_id}")
    kept = ReviewFrames(settings, item.site)
    picture = next(p for p in sound.pictures if p.name == given)
    height, width = read_picture(kept.picture(item)).shape[:2]
    if (picture.width, picture.height) != (width, height):
        raise FileFormatError(
            f"{given} is {picture.width} x {picture.height} in {sound.source}, the frame is {width} x {height}"
        )
    drawn = [replace(shape, picture=name_of(item), extra={}) for shape in sound.shapes if shape.picture == given]
    kept.write_side(item, CORRECTED, (width, height), drawn)
