"""Points in time as farms write them: a day, a local time, or an instant with its zone; made exact in UTC here."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from herdbook.contracts.farmtime import day_extent, require_day, zone
from herdbook.errors import InputError

Moment = datetime | date
"""A day, a local time (naive) or an instant (aware), as it was written."""

_TICK = timedelta(microseconds=1)


def parse_moment(text: str) -> Moment:
    """Read ISO 8601: ``2024-05-03``, ``2024-05-03T14:30``, ``2024-05-03 14:30:00+02:00``, ``…Z``.

    Raises:
        ValueError: it is none of these.
    """
    text = text.strip()
    try:
        return date.fromisoformat(text) if len(text) <= 10 else datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"'{text}' is not a date or time such as 2024-05-03 or 2024-05-03T14:30") from None


def earliest(moment: Moment, timezone: str) -> datetime:
    """The first instant, in UTC, that a moment can mean: of a day its start, of a time that occurs twice the first.

    Raises:
        ValueError: no farm has such a day, or the local time does not exist, because the clocks were put forward.
    """
    _require_possible(moment)
    if isinstance(moment, datetime):
        return _instant(moment, timezone, fold=0)
    return day_extent(moment, timezone).start


def latest(moment: Moment, timezone: str) -> datetime:
    """The last instant, in UTC, that a moment can mean: of a day its last microsecond.

    Raises:
        ValueError: no farm has such a day, or the local time does not exist, because the clocks were put forward.
    """
    _require_possible(moment)
    if isinstance(moment, datetime):
        return _instant(moment, timezone, fold=1)
    return day_extent(moment, timezone).end - _TICK


def _require_possible(moment: Moment) -> None:
    try:
        require_day(moment.date() if isinstance(moment, datetime) else moment)
    except InputError as error:
        raise ValueError(error.message) from error


def _instant(moment: datetime, timezone: str, *, fold: int) -> datetime:
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    instant = moment.replace(tzinfo=zone(timezone), fold=fold).astimezone(UTC)
    if instant.astimezone(zone(timezone)).replace(tzinfo=None, fold=0) != moment.replace(fold=0):
        raise ValueError(f"{moment.isoformat(sep=' ')} does not exist in {timezone}: the clocks were put forward")
    return instant
