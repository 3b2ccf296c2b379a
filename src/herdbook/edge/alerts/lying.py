"""Lying far above the subject's own past days (median and median absolute deviation: Rousseeuw & Croux 1993)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from statistics import median

from herdbook.contracts.alert_message import Baseline, Outcome
from herdbook.contracts.alerts import LyingRule
from herdbook.edge.alerts.findings import RECENT, Finding, subjects
from herdbook.edge.alerts.summary import DaySummary, SubjectDay

_TO_SIGMA = 1.4826
"""Of a normal distribution, the standard deviation over the median absolute deviation."""
_LOST_AFTER_DAYS = 3


@dataclass(frozen=True)
class _Measured:
    day: DaySummary
    subject: SubjectDay
    release_id: str
    share: float
    judged_s: float


def lying(rule: LyingRule, days: Sequence[DaySummary]) -> Iterator[Finding]:
    """Episodes of the rule: runs of final, sufficiently observed days that lie far above the days before them.

    Older days than `RECENT` are only compared with: an episode that goes on longer is found by its later days.
    """
    newest = max((day.day for day in days if day.final), default=date.min)
    for known in subjects(days, rule.about):
        episode: Finding | None = None
        measured = [found for day, subject in known if (found := _measure(rule, day, subject)) is not None]
        for n, today in enumerate(measured):
            if newest - today.day.day > RECENT:
                continue
            high = _far_above(rule, today, measured[:n])
            lost = episode is not None and (today.day.day - measured[n - 1].day.day).days > _LOST_AFTER_DAYS
            if episode is not None and (high is None or lost):
                outcome = Outcome.LOST if lost else Outcome.OVER
                yield _ended(episode, measured[n - 1].day.ends if lost else today.day.ends, outcome)
                episode = None
            episode = episode or high
        if episode is None:
            continue
        last = measured[-1].day
        if (newest - last.day).days > _LOST_AFTER_DAYS:
            episode = _ended(episode, last.ends, Outcome.LOST)
        yield episode


def _measure(rule: LyingRule, day: DaySummary, subject: SubjectDay) -> _Measured | None:
    """The day's share by the release that measured most of it, if that is enough of the day."""
    if not day.final or not subject.lain or subject.span_s < rule.observed_share * (day.ends - day.starts):
        return None
    release_id, lain = max(subject.lain.items(), key=lambda item: item[1].judged_s)
    if lain.judged_s <= 0:
        return None
    return _Measured(day, subject, release_id, lain.lying_s / lain.judged_s, lain.judged_s)


def _far_above(rule: LyingRule, today: _Measured, before: Sequence[_Measured]) -> Finding | None:
    past = [
        m.share
        for m in before
        if m.release_id == today.release_id and 0 < (today.day.day - m.day.day).days <= rule.history_days
    ]
    if len(past) < rule.least_days:
        return None
    middle = median(past)
    spread = max(_TO_SIGMA * median(abs(share - middle) for share in past), rule.least_spread)
    threshold = middle + max(rule.spreads * spread, rule.excess)
    if today.share < threshold:
        return None
    return Finding(
        rule=rule,
        about=today.subject.about,
        subject_id=today.subject.subject_id,
        pen_id=today.subject.pen_id,
        began=today.day.starts,
        raised=today.day.ends,
        ended=None,
        outcome=None,
        measured=today.share,
        threshold=threshold,
        unit="1",
        observed_s=today.subject.span_s,
        release_id=today.release_id,
        cameras=today.subject.cameras,
        confidence=today.subject.confidence,
        baseline=Baseline(median=middle, spread=spread, days=len(past)),
    )


def _ended(episode: Finding, at: float, outcome: Outcome) -> Finding:
    return replace(episode, ended=max(at, episode.raised), outcome=outcome)
