"""What a report tells: runs of days on which an animal stands out, changes of level, signs of heat; in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from herdbook.analytics.alarms import Deviation, Episode, deviation, episodes
from herdbook.analytics.changepoints import shifts
from herdbook.analytics.heat import expected_next, heat_signs
from herdbook.analytics.shares import Floats, Ints
from herdbook.reports import words
from herdbook.reports.measures import MEASURES, WALKING, Measure
from herdbook.reports.record import Group


@dataclass(frozen=True)
class Finding:
    """One thing that changed, and when."""

    animal_id: str
    kind: str
    """stands out, period (on another level, and back), level (for good), heat."""
    first: date
    last: date
    did: str
    """``lay more``."""
    than: str
    """``than usual``; empty where nothing is compared."""
    figures: str
    """``88 % instead of 79 %``."""
    weight: float
    """For choosing what to tell first."""
    measure: str
    more: bool

    @property
    def when(self) -> str:
        """``from 12 to 26 Apr 2023``."""
        return f"from {words.day(self.first)} on" if self.kind == "level" else words.days(self.first, self.last)

    @property
    def said(self) -> str:
        """``lay more from 12 to 26 Apr 2023 than usual``."""
        return " ".join(part for part in (self.did, self.when, self.than) if part)

    @property
    def text(self) -> str:
        """All of it, without a capital and a full stop."""
        return f"{self.said}: {self.figures}"


@dataclass(frozen=True)
class Judged:
    """One measure of a group with what it was compared to."""

    measure: Measure
    deviation: Deviation
    episodes: tuple[tuple[Episode, ...], ...]
    """Of each animal, those on shown days."""


def measures_of(group: Group) -> tuple[Measure, ...]:
    """Those that the group's cameras gave: walking instead of metres where nothing is calibrated."""
    found = [WALKING if m.name == "activity" and np.isnan(group.values(m)).all() else m for m in MEASURES]
    return tuple(m for m in found if not np.isnan(group.values(m)).all())


def judge(group: Group, measure: Measure) -> Judged:
    """Compare each animal's days with its own days before and with its pen-mates."""
    of = deviation(group.values(measure), group.pen, group.segment)
    found = [tuple(e for e in episodes(of, k) if e.last >= group.shown) for k in range(len(group.animals))]
    return Judged(measure, of, tuple(found))


def standing_out(group: Group, judged: Judged, animal: int) -> list[Finding]:
    """The episodes of one animal in words."""
    m, when = judged.measure, group.axis.days
    found = []
    for e in judged.episodes[animal]:
        does = m.more if e.difference > 0 else m.less
        first, last = when[max(e.first, group.shown)], when[e.last]
        figures = f"{m.said(e.value)} instead of {m.said(e.expected)}"
        weight = abs(e.score) * float(np.sqrt(e.last - e.first + 1))
        about = (group.animals[animal], "stands out", first, last, does, "than usual")
        found.append(Finding(*about, figures, weight, m.name, e.difference > 0))
    return found


def levels(group: Group, judged: Judged, animal: int) -> list[Finding]:
    """Changes of level against the pen-mates, or of the level itself where there are too few mates."""
    measure, own = judged.measure, judged.deviation.value[animal]
    relative = judged.deviation.relative[animal]
    against = bool(np.sum(~np.isnan(relative)) >= 0.5 * np.sum(~np.isnan(own)))
    when = group.axis.days
    found = []
    for s in shifts(relative if against else np.sqrt(own), group.segment[animal]):
        if s.first < group.shown:  # it was so before
            continue
        then, around = np.arange(s.first, s.last + 1), np.array(s.around)
        figures = _instead(measure, own, then, around)
        if against:
            mates = (np.sqrt(own) - relative) ** 2
            figures += f", its pen-mates {_instead(measure, mates, then, around)}"
        kind, than = ("period", "than before and after") if s.back else ("level", "than before")
        does = measure.more if s.step > 0 else measure.less
        about = (group.animals[animal], kind, when[s.first], when[s.last], does, than)
        found.append(Finding(*about, figures, s.weight, measure.name, s.step > 0))
    return found


def _instead(measure: Measure, values: Floats, then: Ints, around: Ints) -> str:
    level, before = (float(np.nanmean(values[days])) for days in (then, around))
    return f"{measure.said(level)} instead of {measure.said(before)}"


def heats(group: Group, judged: Judged, animal: int) -> list[Finding]:
    """Signs of heat in the activity of one animal."""
    signs = [s for s in heat_signs(judged.deviation.both[animal]) if s.last >= group.shown]
    found = []
    for s in signs:
        first, last = group.axis.days[s.first], group.axis.days[s.last]
        low, high = expected_next(s.first)
        rhythm = f", {s.cycle} days after the one before" if s.cycle else ""
        soon = words.days(*(date.fromordinal(group.axis.first.toordinal() + k) for k in (low, high)))
        figures = f"{judged.measure.more}{rhythm}; the next would come {soon}"
        about = (group.animals[animal], "heat", first, last, "may have been in heat", "")
        found.append(Finding(*about, figures, 1.0, judged.measure.name, True))
    return found


def told(findings: Sequence[Finding], most: int) -> list[Finding]:
    """The weightiest, in order of time; days that stand out within a change of level, or after it, are part of it."""
    level = [f for f in findings if f.kind in ("period", "level")]
    near = timedelta(days=3)

    def part_of(f: Finding, other: Finding) -> bool:
        if f.more == other.more:
            return other.first - near <= f.first and f.last <= other.last + near
        return other.kind == "period" and timedelta() < f.first - other.last <= 4 * near  # back to what it was

    def repeats(f: Finding) -> bool:
        mine = ((f.animal_id, f.measure) == (other.animal_id, other.measure) and part_of(f, other) for other in level)
        return f.kind == "stands out" and any(mine)

    kept = sorted((f for f in findings if not repeats(f)), key=lambda f: -f.weight)[:most]
    return sorted(kept, key=lambda f: (f.first, -f.weight))
