"""When nobody watched: the gaps between the intervals in which a pen's cameras were on, while an animal was there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, order=True)
class Span:
    """``[start, end)``, aware instants or naive ones of one clock."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.end - self.start).total_seconds()


def union(spans: Iterable[Span]) -> list[Span]:
    """The same instants as intervals that neither overlap nor touch, in order."""
    found: list[Span] = []
    for span in sorted(s for s in spans if s.start < s.end):
        if found and span.start <= found[-1].end:
            found[-1] = Span(found[-1].start, max(found[-1].end, span.end))
        else:
            found.append(span)
    return found


def gaps(watched: Iterable[Span], within: Iterable[Span], least: timedelta = timedelta(minutes=1)) -> list[Span]:
    """What of some intervals was not watched.

    Args:
        watched: intervals with a camera on, in any order; they may overlap.
        within: the intervals that are asked about, for example an animal's stays.
        least: shorter gaps are no gaps.
    """
    seen = union(watched)
    found: list[Span] = []
    for asked in union(within):
        at = asked.start
        for span in seen:
            if span.end <= at or span.start >= asked.end:
                continue
            if span.start > at:
                found.append(Span(at, span.start))
            at = max(at, span.end)
        if at < asked.end:
            found.append(Span(at, asked.end))
    return [gap for gap in found if gap.end - gap.start >= least]


def cut(spans: Iterable[Span], within: Iterable[Span]) -> list[Span]:
    """What of some intervals lies within others."""
    windows = union(within)
    return union(Span(max(s.start, w.start), min(s.end, w.end)) for s in spans for w in windows)
