"""What was found against what was raised before: one alert per episode, no repeats, ended when it is over."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from herdbook.contracts.alert_message import Alert, Evidence, Outcome
from herdbook.contracts.alerts import Subject
from herdbook.edge.alerts.book import Book
from herdbook.edge.alerts.findings import Finding

Clips = Callable[[Finding], tuple[str, ...]]
"""The footage that shows a finding."""


def reconcile(
    book: Book, findings: Sequence[Finding], *, device_id: str, rules_sha256: str, since: float, clips: Clips
) -> Book:
    """The book brought up to what was found; the very same book where nothing changed.

    An episode that shares any time with an alert of the same rule and subject is that alert. One that these rules
    raised and no longer find, in the time that is still known, is withdrawn; one of other rules ends as lost.

    Args:
        book: alerts so far.
        findings: all episodes in the days kept.
        device_id: whose alerts they are.
        rules_sha256: of the rules that found them.
        since: where the days kept begin, seconds since 1970; of earlier times nothing is known any more.
        clips: names footage of a finding.
    """
    alerts = {alert.alert_id: alert for alert in book.alerts}
    change = book.change
    met: set[str] = set()
    for finding in sorted(findings, key=lambda f: (f.raised, f.key)):
        alert = _same(finding, alerts.values(), met)
        if alert is None:
            if finding.ended is not None and finding.raised < since:
                continue  # past, and perhaps found only because what came before it is forgotten
            change += 1
            alert = _raise(finding, device_id, rules_sha256, clips(finding), change)
        elif (alert.ended_at, alert.outcome) != (_ending(alert, finding), finding.outcome):
            change += 1
            told = {"ended_at": _ending(alert, finding), "outcome": finding.outcome, "change": change}
            alert = _changed(alert, told)
        met.add(alert.alert_id)
        alerts[alert.alert_id] = alert
    for alert in [a for a in alerts.values() if a.alert_id not in met]:
        ending = _gone(alert, rules_sha256, since)
        if ending is not None:
            change += 1
            alerts[alert.alert_id] = _changed(alert, ending | {"change": change})
    if change == book.change:
        return book
    return book.model_copy(update={"change": change, "alerts": tuple(sorted(alerts.values(), key=lambda a: a.change))})


def _same(finding: Finding, alerts: Any, met: set[str]) -> Alert | None:
    """The alert of this episode: one that stands before one that was withdrawn, the oldest of several."""
    found = [
        alert
        for alert in alerts
        if alert.alert_id not in met
        and (alert.rule_id, alert.about.value, alert.subject_id) == finding.key
        and finding.meets(alert.began_at.timestamp(), alert.ended_at.timestamp() if alert.ended_at else None)
    ]
    return min(found, key=lambda a: (a.outcome is Outcome.WITHDRAWN, a.began_at), default=None)


def _gone(alert: Alert, rules_sha256: str, since: float) -> dict[str, Any] | None:
    """How an alert ends that is found no more; none where it stays as it is."""
    at = max(alert.raised_at, alert.ended_at or alert.raised_at)
    if alert.rules_sha256 == rules_sha256 and alert.began_at.timestamp() >= since:
        return None if alert.outcome is Outcome.WITHDRAWN else {"ended_at": at, "outcome": Outcome.WITHDRAWN}
    return {"ended_at": at, "outcome": Outcome.LOST} if alert.ended_at is None else None


def _raise(finding: Finding, device_id: str, rules_sha256: str, clips: tuple[str, ...], change: int) -> Alert:
    said = "\0".join((*finding.key, rules_sha256, f"{finding.began:.0f}"))
    return Alert(
        alert_id=f"{device_id}:{hashlib.sha256(said.encode()).hexdigest()[:16]}",
        device_id=device_id,
        rule_id=finding.rule.rule_id,
        kind=finding.rule.kind,
        severity=finding.rule.severity,
        about=finding.about,
        animal_id=finding.subject_id if finding.about is Subject.ANIMAL else None,
        confidence=finding.confidence,
        tracklet_id=finding.subject_id if finding.about is Subject.TRACKLET else None,
        pen_id=finding.pen_id,
        release_id=finding.release_id,
        rules_sha256=rules_sha256,
        began_at=_instant(finding.began),
        raised_at=_instant(finding.raised),
        ended_at=_instant(finding.ended),
        outcome=finding.outcome,
        evidence=Evidence(
            measured=round(finding.measured, 4),
            threshold=round(finding.threshold, 4),
            unit="s" if finding.unit == "s" else "1",
            observed_s=round(finding.observed_s, 3),
            baseline=finding.baseline,
            cameras=finding.cameras,
            clips=clips,
        ),
        change=change,
    )


def _ending(alert: Alert, finding: Finding) -> datetime | None:
    ended = _instant(finding.ended)
    return ended if ended is None else max(ended, alert.began_at)


def _changed(alert: Alert, changes: dict[str, Any]) -> Alert:
    return Alert.model_validate(dict(alert) | changes)


def _instant(moment: float | None) -> Any:
    return None if moment is None else datetime.fromtimestamp(round(moment, 3), UTC)
