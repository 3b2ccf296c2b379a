"""The review queue: frames come in by themselves, and go out by a person's word."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from herdbook.errors import InputError, NotFoundError
from herdbook.ledger.columns import utc_now
from herdbook.ledger.models import ReviewItem, ReviewReason, ReviewState

Place = tuple[str, date, str, int]
"""Device, day, clip and frame."""


def raise_item(
    session: Session, place: Place, reason: ReviewReason, subject: str = "", **said: Any
) -> tuple[ReviewItem, bool]:
    """Put a frame into the queue, or bring what is said of an open one up to date; a decided one stays as it is.

    Returns:
        The item, and whether it is new.
    """
    device_id, day, clip, frame = place
    row = session.scalar(
        select(ReviewItem).where(
            ReviewItem.device_id == device_id,
            ReviewItem.day == day,
            ReviewItem.clip == clip,
            ReviewItem.frame == frame,
            ReviewItem.reason == reason,
            ReviewItem.subject == subject,
        )
    )
    new = row is None
    if row is None:
        row = ReviewItem(device_id=device_id, day=day, clip=clip, frame=frame, reason=reason, subject=subject)
        session.add(row)
    if new or row.state is ReviewState.OPEN:
        for name, value in said.items():
            setattr(row, name, value)
    session.flush()
    return row, new


def find_item(session: Session, item_id: int) -> ReviewItem:
    """An item by its number.

    Raises:
        NotFoundError: there is none.
    """
    row = session.get(ReviewItem, item_id)
    if row is None:
        raise NotFoundError(
            f"the review queue has no item {item_id}", "`herdbook learn review list` shows what it has."
        )
    return row


def items(
    session: Session,
    states: Collection[ReviewState] = (ReviewState.OPEN,),
    *,
    site: str | None = None,
    device_id: str | None = None,
    day: date | None = None,
) -> list[ReviewItem]:
    """Items of some states, those most worth looking at first."""
    query = select(ReviewItem).where(ReviewItem.state.in_(states))
    for column, value in ((ReviewItem.site, site), (ReviewItem.device_id, device_id), (ReviewItem.day, day)):
        query = query if value is None else query.where(column == value)
    worth = ReviewItem.score * ReviewItem.weight
    return list(session.scalars(query.order_by(worth.desc(), ReviewItem.item_id)))


def decide(
    session: Session,
    item_id: int,
    state: ReviewState,
    *,
    by: str,
    side: str | None = None,
    comment: str | None = None,
) -> ReviewItem:
    """Enter a person's word. It is entered once.

    Raises:
        NotFoundError: there is no such item.
        InputError: it was decided otherwise.
    """
    row = find_item(session, item_id)
    if row.state is not ReviewState.OPEN:
        if (row.state, row.side, row.decided_by) == (state, side, by):
            return row
        raise InputError(
            f"item {item_id} was {row.state.value} by {row.decided_by} already", "Decisions stay as they were made."
        )
    row.state, row.side, row.comment = state, side, comment
    row.decided_by, row.decided_at = by, utc_now()
    session.flush()
    return row


def weigh(session: Session, item_id: int, weight: float) -> ReviewItem:
    """Say how much an open item is worth looking at: all that an automatic judge may do.

    Raises:
        NotFoundError: there is no such item.
        InputError: the weight is not within 0..1, or the item was decided.
    """
    row = find_item(session, item_id)
    if not 0 <= weight <= 1:
        raise InputError(f"a weight is within 0..1, not {weight:g}")
    if row.state is not ReviewState.OPEN:
        raise InputError(f"item {item_id} was {row.state.value} already", "Only open items have a weight.")
    row.weight = weight
    return row
