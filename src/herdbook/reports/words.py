"""Dates, spans and lists as people write them; plain text, escaped where a page is made of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import numpy as np

from herdbook.analytics.shares import Floats

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
BLANK = "not observed"


def day(when: date, *, year: bool = True) -> str:
    """``2 Jan 2023``, whatever the locale."""
    return f"{when.day} {MONTHS[when.month - 1]}" + (f" {when.year}" if year else "")


def days(first: date, last: date) -> str:
    """``from 12 to 26 Apr 2023``, or ``on 12 Apr 2023``."""
    if first == last:
        return f"on {day(first)}"
    if (first.year, first.month) == (last.year, last.month):
        return f"from {first.day} to {day(last)}"
    return f"from {day(first, year=first.year != last.year)} to {day(last)}"


def moment(when: datetime) -> str:
    """``2 Jan 2023 14:05``."""
    return f"{day(when)} {when:%H:%M}"


def count(number: int, one: str, many: str | None = None) -> str:
    """``1 day``, ``3 days``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(parts: Sequence[str], word: str = "and") -> str:
    """``a, b and c``."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {word} {parts[-1]}"


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def share(value: float) -> str:
    """``97 %``."""
    return f"{value * 100:.0f} %"


def duration(seconds: float) -> str:
    """``45 min``, ``3.5 h``, ``2.1 days``."""
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    if seconds < 2 * 86400:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.1f} days"


def cell(value: float | None, digits: int) -> str:
    """A number of a table; what is not known is said to be so."""
    return BLANK if value is None or np.isnan(value) else f"{value:.{digits}f}"


def course(values: Floats, when: Sequence[date], unit: str, digits: int) -> str:
    """What a series does, for those who do not see its plot: middle, least and greatest with their days, blanks."""
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        return "No day has a value."
    low, high = known[np.argmin(values[known])], known[np.argmax(values[known])]
    blank = len(values) - len(known)
    said = (
        f"Median {np.median(values[known]):.{digits}f} {unit}; least {values[low]:.{digits}f} on {day(when[low])},"
        f" greatest {values[high]:.{digits}f} on {day(when[high])}."
    )
    return said + (f" {count(blank, 'day')} blank." if blank else "")
