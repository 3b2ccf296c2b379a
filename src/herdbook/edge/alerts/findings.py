"""What a rule found in the days kept: one episode of one subject. Rules are pure: equal days give equal findings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from herdbook.contracts.alert_message import Baseline, Outcome
from herdbook.contracts.alerts import Rule, Subject
from herdbook.edge.alerts.summary import DaySummary, SubjectDay

FOREVER = float("inf")
RECENT = timedelta(days=7)
"""Episodes of so many days are looked for; what is older only serves as a baseline."""


@dataclass(frozen=True)
class Finding:
    """An episode; instants are seconds since 1970."""

    rule: Rule
    about: Subject
    subject_id: str
    pen_id: str
    began: float
    raised: float
    ended: float | None
    outcome: Outcome | None
    measured: float
    threshold: float
    unit: str
    observed_s: float
    release_id: str
    cameras: tuple[str, ...]
    confidence: float | None = None
    baseline: Baseline | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """What episodes of one thing share."""
        return (self.rule.rule_id, self.about.value, self.subject_id)

    def meets(self, began: float, ended: float | None) -> bool:
        """Whether it shares any time with an episode."""
        return began < (FOREVER if self.ended is None else self.ended) and self.began < (
            FOREVER if ended is None else ended
        )


def subjects(days: Sequence[DaySummary], about: Subject) -> Iterator[list[tuple[DaySummary, SubjectDay]]]:
    """Each animal (named, or a tracklet without a name) or each pen, with the days on which it was seen."""
    found: dict[tuple[str, str], list[tuple[DaySummary, SubjectDay]]] = {}
    for day in days:
        for subject in day.subjects:
            if (subject.about is Subject.PEN) == (about is Subject.PEN):
                found.setdefault((subject.about.value, subject.subject_id), []).append((day, subject))
    for key in sorted(found):
        yield found[key]
