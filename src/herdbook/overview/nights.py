"""Last nights: what became of each device's day, and why."""

from __future__ import annotations

from bisect import bisect
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from herdbook.contracts.farmtime import local_day
from herdbook.ledger.models import DAY_MISSING, Attempt, DayState, Device, DeviceDay, QuarantineEntry
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings


class Standing(StrEnum):
    """What became of a device day, for people."""

    LOADED = "loaded"
    LANDED = "landed"
    """Durable here, and waits for its load."""
    FETCHING = "fetching"
    """Part of it is here: the next night goes on."""
    REFUSED = "refused"
    """It cannot land as it is; a higher revision can."""
    MISSING = "missing"
    """The device answers, and does not have it."""
    SILENT = "silent"
    """The device did not answer when it was asked for it."""
    UNKNOWN = "unknown"
    """Nobody asked."""


_HALF_A_DAY_S, _DAY = 12 * 3600, timedelta(1)
_OF_STATE = {
    DayState.LOADED: Standing.LOADED,
    DayState.LANDED: Standing.LANDED,
    DayState.FETCHING: Standing.FETCHING,
    DayState.QUARANTINED: Standing.REFUSED,
}


@dataclass(frozen=True)
class Night:
    """One device's farm-local day."""

    device: str
    farm: str
    day: date
    standing: Standing
    revision: int | None
    late_days: int
    """Days after its own night that it was first fetched without an error; 0 is in time."""
    bytes: int
    """Fetched for it, by all tries."""
    quarantined: int
    """Entries of its quarantine: files, or rows of a file set aside for one reason."""
    why: str
    """What its last try said, where that was an error."""


def last_nights(settings: Settings, days: int = 14, until: date | None = None) -> list[Night]:
    """Every device in service on each of the last days, by device and day.

    A device's days count from the first that was ever seen of it.

    Args:
        settings: where the ledger is.
        days: how many.
        until: the last one; the last that any night was about when omitted.

    Raises:
        NotInitialisedError: there is no ledger.
    """
    with ledger_session(settings) as session:
        devices = list(session.scalars(select(Device).where(Device.retired_at.is_(None)).order_by(Device.device_id)))
        silences = _silences(session, {device.device_id: device.timezone for device in devices})
        last = until or _last(session, silences)
        if last is None:
            return []
        first = last - timedelta(days=days - 1)
        revisions = _by_day(session.scalars(select(DeviceDay).where(DeviceDay.day >= first, DeviceDay.day <= last)))
        tries = _by_day(session.scalars(select(Attempt).where(Attempt.day >= first, Attempt.day <= last)))
        entries = _by_day(session.scalars(select(QuarantineEntry).where(QuarantineEntry.day >= first)))
        known = [row for query in _FIRST for row in session.execute(query)]
    found = []
    for device in devices:
        failed = {day: tried for (name, day), tried in silences.items() if name == device.device_id}
        seen = [day for name, day in known if name == device.device_id and day is not None]
        begin = max(first, min([*seen, *failed, last]))
        for n in range((last - begin).days + 1):
            key = (device.device_id, begin + timedelta(n))
            night = _night(device, key[1], revisions[key], tries[key], failed.get(key[1]))
            found.append(replace(night, quarantined=len(entries[key])))
    return found


_FIRST = tuple(select(of.device_id, func.min(of.day)).group_by(of.device_id) for of in (DeviceDay, Attempt))


def _last(session: Session, silences: Mapping[tuple[str, date], Attempt]) -> date | None:
    newest = (session.scalar(select(func.max(column))) for column in (DeviceDay.day, Attempt.day))
    return max([*(day for day in newest if day is not None), *(day for _, day in silences)], default=None)


def _silences(session: Session, timezones: Mapping[str, str]) -> dict[tuple[str, date], Attempt]:
    """Nights in which devices could not be asked for anything, by device and the day that the night was about.

    That is the newest day that others were asked for at the time; where nobody answered, the day before.
    """
    whole = select(Attempt).where(Attempt.day.is_(None), Attempt.exit_code != 0)
    dated = list(session.execute(select(Attempt.started_at, Attempt.day).where(Attempt.day.is_not(None))))
    at = sorted((started.timestamp(), day) for started, day in dated if day is not None)
    found = {}
    for tried in session.scalars(whole.order_by(Attempt.attempt_id)):
        if tried.device_id not in timezones:
            continue
        now = tried.started_at.timestamp()
        near = at[bisect(at, (now - _HALF_A_DAY_S,)) : bisect(at, (now + _HALF_A_DAY_S,))]
        day = max((day for _, day in near), default=local_day(tried.started_at, timezones[tried.device_id]) - _DAY)
        found[tried.device_id, day] = tried
    return found


def _by_day(rows: Iterable[object]) -> defaultdict[tuple[str, date], list]:  # type: ignore[type-arg]
    found = defaultdict(list)
    for row in rows:
        found[row.device_id, row.day].append(row)  # type: ignore[attr-defined]
    return found


def _night(
    device: Device,
    day: date,
    revisions: Sequence[DeviceDay],
    tries: Sequence[Attempt],
    failed: Attempt | None,
) -> Night:
    row = max(revisions, key=lambda r: r.revision, default=None)
    latest = max(tries, key=lambda t: t.attempt_id, default=None)
    fetched = [t for t in tries if t.error is None]
    late = min(((local_day(t.ended_at, device.timezone) - day).days - 1 for t in fetched), default=0)
    standing, why = Standing.UNKNOWN, ""
    if row is not None:
        standing, why = _OF_STATE[row.state], row.message or (latest.message or "" if latest is not None else "")
    elif latest is not None:
        standing = Standing.MISSING if latest.error == DAY_MISSING else Standing.FETCHING
        why = latest.message or ""
    elif failed is not None:
        standing, why = Standing.SILENT, failed.message or ""
    return Night(
        device=device.device_id,
        farm=device.farm_id,
        day=day,
        standing=standing,
        revision=None if row is None else row.revision,
        late_days=max(0, late),
        bytes=sum(t.bytes for t in tries),
        quarantined=0,
        why=why.strip().splitlines()[-1] if why.strip() else "",
    )
