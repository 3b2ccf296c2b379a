"""What the ledger knows of device days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from herdbook.ledger.models import DayState, DeviceDay


def set_day(
    session: Session,
    key: tuple[str, date, int],
    *,
    sha256: str,
    final: bool,
    state: DayState,
    message: str | None = None,
) -> DeviceDay:
    """Record how far a revision has come, adding it when it is new.

    Args:
        key: ``(device_id, day, revision)``.
    """
    row = session.get(DeviceDay, key)
    if row is None:
        row = DeviceDay(device_id=key[0], day=key[1], revision=key[2])
        session.add(row)
    row.state, row.message = state, message
    row.final, row.manifest_sha256 = final, sha256
    session.flush()
    return row


def highest_revision(session: Session, device_id: str, day: date) -> int:
    """The highest revision of a day that landed; 0 where none did."""
    query = select(func.max(DeviceDay.revision)).where(DeviceDay.device_id == device_id, DeviceDay.day == day)
    return session.scalar(query.where(DeviceDay.state.in_([DayState.LANDED, DayState.LOADED]))) or 0


def days_in(session: Session, states: Sequence[DayState], device_id: str | None = None) -> list[DeviceDay]:
    """Revisions in any of the states, by device, day and revision."""
    query = select(DeviceDay).where(DeviceDay.state.in_(states))
    if device_id is not None:
        query = query.where(DeviceDay.device_id == device_id)
    return list(session.scalars(query.order_by(DeviceDay.device_id, DeviceDay.day, DeviceDay.revision)))


def waiting_days(session: Session) -> list[DeviceDay]:
    """Landed days that wait for their load: of each day only the highest revision, and only if that is not loaded."""
    highest = {(row.device_id, row.day): row for row in days_in(session, [DayState.LANDED, DayState.LOADED])}
    return [row for row in highest.values() if row.state is DayState.LANDED]


def mark_loaded(session: Session, loaded: Sequence[tuple[str, date, int, str]]) -> int:
    """Reconcile to the lake, which alone says what is loaded.

    A day marked loaded that the lake does not hold goes back to landed, unless a higher revision took its place: the
    lake forgets superseded loads.

    Args:
        loaded: ``(device_id, day, revision, manifest_sha256)`` of every load the lake holds.

    Returns:
        How many rows changed.
    """
    held = {(device, day, revision): sha256 for device, day, revision, sha256 in loaded}
    rows = days_in(session, [DayState.LANDED, DayState.LOADED])
    highest = {(row.device_id, row.day): row.revision for row in rows}
    changed = 0
    for row in rows:
        in_lake = held.get((row.device_id, row.day, row.revision)) == row.manifest_sha256
        superseded = row.revision < highest[row.device_id, row.day]
        if in_lake and row.state is DayState.LANDED:
            row.state = DayState.LOADED
            changed += 1
        elif not in_lake and not superseded and row.state is DayState.LOADED:
            row.state = DayState.LANDED
            changed += 1
    return changed
