"""All that happened, in order of time: findings, what the farm wrote down, changes of model, gaps, moves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from herdbook.reports import words
from herdbook.reports.findings import Finding
from herdbook.reports.marks import SERIES, SYMBOLS, Fact, Marks
from herdbook.reports.record import midnight

LONG_GAP_S = 12 * 3600.0
_SHAPES = {
    "v": "triangle down", "P": "plus", "D": "diamond", "p": "pentagon", "*": "star", "^": "triangle up", "o": "circle",
    "h": "hexagon", "X": "cross", "s": "square",
}  # fmt: skip
_TAGS = {
    "stands out": ("out", "stands out"),
    "period": ("out", "period"),
    "level": ("out", "new level"),
    "heat": ("heat", "heat?"),
}


@dataclass(frozen=True)
class Event:
    """One line of the list."""

    at: datetime
    when: str
    kind: str
    """out, level, heat, farm, model, gap, move."""
    tag: str
    text: str


def events_of(
    findings: Sequence[Finding], marks: Marks, stays: Sequence[Mapping[str, Any]] = (), *, named: bool = False
) -> list[Event]:
    """The list.

    Args:
        findings: those to tell.
        marks: what is drawn over the plots.
        stays: of one animal, for its moves.
        named: whether each line says which animal it is about.
    """

    def who(animal: str) -> str:
        return f"{animal}: " if named else ""

    found = [
        Event(
            midnight(f.first), _when(f), *_TAGS[f.kind], who(f.animal_id) + words.sentence(f"{_what(f)}: {f.figures}")
        )
        for f in findings
    ]
    for fact in _worth_telling(marks.facts):
        if not (named and fact.number is not None):
            found.append(Event(fact.at, words.day(fact.day), "farm", "farm", _fact(fact, who(fact.animal_id))))
    for change in marks.changes:
        text = f"The model changed from {change.before} to {change.after}: what differs across it may be the model's."
        found.append(Event(change.at, words.day(change.day), "model", "model", text))
    for gap in marks.gaps:
        if gap.seconds >= LONG_GAP_S:
            text = f"No camera was on for {words.duration(gap.seconds)}, until {words.moment(gap.end)}."
            found.append(Event(gap.start, words.day(gap.start), "gap", "not watched", text))
    for before, after in pairwise(stays):
        if before["pen_id"] == after["pen_id"]:
            continue
        text = f"It moved from {before['pen_id']} to {after['pen_id']}."
        found.append(Event(after["span"].start, words.day(after["span"].start), "move", "moved", text))
    return sorted(found, key=lambda e: e.at)


def marks_legend(marks: Marks) -> str:
    """What the marks mean that are there."""
    parts = []
    if marks.gaps:
        parts.append("Hatched: no camera was on.")
    if marks.changes:
        parts.append("Dashed upright line: the model changed.")
    kinds = sorted({fact.kind for fact in marks.facts if fact.kind in SYMBOLS})
    if kinds:
        shapes = [f"{_SHAPES[SYMBOLS[kind]]}: {kind.replace('_', ' ')}" for kind in kinds]
        parts.append(f"Marks along the top, of the farm's records: {', '.join(shapes)}.")
    return " ".join(parts)


def _worth_telling(facts: Sequence[Fact]) -> Iterator[Fact]:
    """Events, and scores that differ from the one before on their scale; measurements in a row are drawn, not told."""
    last: dict[tuple[str, str, str | None], float] = {}
    for fact in facts:
        if fact.kind in SERIES:
            continue
        of = (fact.animal_id, fact.kind, fact.scale)
        if fact.number is None or last.get(of) != fact.number:
            yield fact
        if fact.number is not None:
            last[of] = fact.number


def _what(f: Finding) -> str:
    """Without its days, which stand beside it."""
    return f"{f.did} {f.than}".strip() + (", from then on" if f.kind == "level" else "")


def _when(f: Finding) -> str:
    if f.first == f.last or f.kind == "level":
        return words.day(f.first)
    return f"{words.day(f.first, year=f.first.year != f.last.year)} to {words.day(f.last)}"


def _fact(fact: Fact, who: str) -> str:
    seen = f" by {fact.observer}" if fact.observer else ""
    sound = f"; not so on {words.day(fact.after)}" if fact.after is not None else ""
    return who + words.sentence(f"{fact.said}{seen}{sound}")
