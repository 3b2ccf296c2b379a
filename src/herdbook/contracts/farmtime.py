"""Farm-local days and their extent in UTC. A day has 23 or 25 hours when the clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator

from herdbook.errors import ConfigurationError


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
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigurationError(f"'{name}' is not a time zone", "Use an IANA name such as Europe/London.") from error


def day_extent(day: date, timezone: str) -> DayExtent:
    """The farm-local calendar day as a half-open interval of UTC."""
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


TimezoneName = Annotated[str, AfterValidator(_known)]
"""An IANA time zone, in anything read from outside."""
