"""Not seen at the feeder: observed hours without a visit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from herdbook.contracts.alert_message import Outcome
from herdbook.contracts.alerts import NotAtFeederRule, Subject
from herdbook.edge.alerts.findings import Finding, subjects
from herdbook.edge.alerts.spans import Spans, merged, runs, total, within
from herdbook.edge.alerts.summary import DaySummary, SubjectDay

_ROUND_MIDNIGHT_S = 1.0


@dataclass(frozen=True)
class Absence:
    """A time without a visit in which enough was observed."""

    began: float
    raised: float
    ended: float | None
    outcome: Outcome | None
    observed_s: float
    """Until it was raised."""
    measured_s: float
    """Until it ended, or until now."""


def not_at_feeder(rule: NotAtFeederRule, days: Sequence[DaySummary]) -> Iterator[Finding]:
    """Episodes of the rule in the days kept, oldest first for each subject."""
    fed = {
        subject.pen_id
        for day in days
        for subject in day.subjects
        if subject.about is Subject.PEN and subject.visits.get(rule.rule_id)
    }
    for known in subjects(days, rule.about):
        _, newest = known[-1]
        if newest.pen_id not in fed:
            continue  # its feeder is not in view, or its visits are not told apart
        until = max(day.settled_in(newest.pen_id) for day in days)
        seen, visits = _joined(rule, known)
        for absence in absences(rule, seen, visits, until):
            day = next((d for d, _ in known if d.starts <= absence.raised <= d.ends), known[-1][0])
            yield Finding(
                rule=rule,
                about=newest.about,
                subject_id=newest.subject_id,
                pen_id=newest.pen_id,
                began=absence.began,
                raised=absence.raised,
                ended=absence.ended,
                outcome=absence.outcome,
                measured=absence.measured_s,
                threshold=3600 * rule.hours,
                unit="s",
                observed_s=absence.observed_s,
                release_id=day.release_id,
                cameras=newest.cameras,
                confidence=newest.confidence,
            )


def _joined(rule: NotAtFeederRule, known: list[tuple[DaySummary, SubjectDay]]) -> tuple[Spans, Spans]:
    seen = merged((span for _, subject in known for span in subject.seen), _ROUND_MIDNIGHT_S)
    visits = merged(span for _, subject in known for span in subject.visits.get(rule.rule_id, ()))
    return seen, visits


def absences(rule: NotAtFeederRule, seen: Spans, visits: Spans, until: float) -> Iterator[Absence]:
    """Times without a visit, of one subject.

    Args:
        rule: how long is too long.
        seen: when the subject was observed; all that counts.
        visits: when it was at the feeder.
        until: up to when anything at all is known.
    """
    gap = 60 * rule.longest_gap_minutes
    marks = _split_by(seen, visits, gap)
    for stretch, began, visited in marks:
        raised = _sufficient(rule, stretch, began)
        if raised is None:
            continue
        ended: float | None = visited
        outcome: Outcome | None = Outcome.OVER
        if ended is None:
            last = stretch[-1][1]
            lost = max(until, seen[-1][1]) - last > gap
            ended, outcome = (last, Outcome.LOST) if lost else (None, None)
        yield Absence(
            began=began,
            raised=raised,
            ended=ended,
            outcome=outcome,
            observed_s=total(within(stretch, began, raised)),
            measured_s=total(stretch),
        )


def _split_by(seen: Spans, visits: Spans, gap: float) -> Iterator[tuple[Spans, float, float | None]]:
    """Observed time between visits, split also at gaps in which the animal may have eaten; when each began, and the
    visit that ended it."""
    for group in runs(seen, gap):
        began, end = group[0][0], group[-1][1]
        for start, stop in within(visits, began, end):
            stretch = within(group, began, start)
            if stretch:
                yield stretch, began, start
            began = max(began, stop)
        stretch = within(group, began, end)
        if stretch:
            yield stretch, began, None


def _sufficient(rule: NotAtFeederRule, stretch: Spans, began: float) -> float | None:
    """The first instant at which so many hours, and so great a share of the time since, were observed."""
    before = 0.0
    for start, end in stretch:
        at = start + max(0.0, 3600 * rule.hours - before)
        if rule.observed_share < 1:
            at = max(at, (start - before - rule.observed_share * began) / (1 - rule.observed_share))
        elif start - began > before + _ROUND_MIDNIGHT_S:
            return None  # something was not observed
        if at <= end:
            return at
        before += end - start
    return None
