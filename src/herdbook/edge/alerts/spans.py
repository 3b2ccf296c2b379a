"""Half-open spans of time, ``(start, end)`` in seconds since 1970: sorted, apart from each other, never empty."""

from __future__ import annotations

from collections.abc import Iterable

Span = tuple[float, float]
Spans = list[Span]


def merged(spans: Iterable[Span], within: float = 0.0) -> Spans:
    """The union, with spans that are no more than ``within`` seconds apart made one."""
    found: Spans = []
    for start, end in sorted(spans):
        if end <= start:
            continue
        if found and start - found[-1][1] <= within:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def common(one: Spans, other: Spans) -> Spans:
    """The intersection."""
    found: Spans = []
    i = j = 0
    while i < len(one) and j < len(other):
        start, end = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if end > start:
            found.append((start, end))
        if one[i][1] <= other[j][1]:
            i += 1
        else:
            j += 1
    return found


def within(spans: Spans, start: float, end: float) -> Spans:
    """What of them lies in an interval."""
    return [(max(a, start), min(b, end)) for a, b in spans if a < end and b > start]


def total(spans: Spans) -> float:
    """Seconds."""
    return sum(end - start for start, end in spans)


def runs(spans: Spans, longest_gap: float) -> list[Spans]:
    """Spans in groups between which lies a gap longer than so many seconds."""
    groups: list[Spans] = []
    for span in spans:
        if groups and span[0] - groups[-1][-1][1] <= longest_gap:
            groups[-1].append(span)
        else:
            groups.append([span])
    return groups
