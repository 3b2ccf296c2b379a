"""Farm-local days and their extent in UTC. A day has 23 or 25 hours when the clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, AwareDatetime, Field

from herdbook.errors import ConfigurationError, InputError

EARLIEST, LATEST = date(1970, 1, 1), date(2999, 12, 31)
"""Days that a farm can have. Beyond them calendars end, and with them arithmetic."""


class DayExtent(NamedTuple):
    """``[start, end)`` in UTC."""

    start: datetime
    end: datetime


def zone(name: str) -> ZoneInfo:
    """The IANA time zone of that name.

    Raises:
        ConfigurationError: there is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: a folder of zones, an endless name
        shown = name if len(name) <= 63 else f"{name[:63]}…"
        raise ConfigurationError(f"'{shown}' is not a time zone", "Use an IANA name such as Europe/London.") from error


def require_day(day: date) -> date:
    """A day that a farm can have.

    Raises:
        InputError: it lies before 1970 or after 2999.
    """
    if not EARLIEST <= day <= LATEST:
        raise InputError(f"{day} is not a day of a farm", f"Give a day from {EARLIEST} to {LATEST}.")
    return day


def day_extent(day: date, timezone: str) -> DayExtent:
    """The farm-local calendar day as a half-open interval of UTC.

    Raises:
        InputError: no farm has such a day.
        ConfigurationError: there is no such time zone.
    """
    require_day(day)
    tz = zone(timezone)
    start = datetime.combine(day, time.min, tz)
    end = datetime.combine(day + timedelta(days=1), time.min, tz)
    return DayExtent(start.astimezone(UTC), end.astimezone(UTC))


def local_day(moment: datetime, timezone: str) -> date:
    """The farm-local day that an aware instant falls in."""
    return moment.astimezone(zone(timezone)).date()


def _known(name: str) -> str:
    try:
        zone(name)
    except ConfigurationError as error:
        raise ValueError(error.message) from error
    return name


TimezoneName = Annotated[str, Field(max_length=63), AfterValidator(_known)]
"""An IANA time zone, in anything read from outside."""

FarmDay = Annotated[date, Field(ge=EARLIEST, le=LATEST)]
"""A farm-local day, in anything read from outside."""

Instant = Annotated[
    AwareDatetime,
    Field(ge=datetime.combine(EARLIEST, time.min, UTC), le=datetime.combine(LATEST, time.max, UTC)),
]
"""A moment with its offset, in anything read from outside."""
