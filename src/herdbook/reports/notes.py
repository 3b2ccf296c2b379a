"""What a reader must know before a report is believed."""

from __future__ import annotations

from herdbook.analytics.alarms import LEAST_RUN, SPAN, THRESHOLD
from herdbook.analytics.baseline import LEAST_DAYS, LEAST_MATES, WINDOW_DAYS
from herdbook.analytics.shares import LEAST_OBSERVED_S
from herdbook.reports import words
from herdbook.reports.record import Group
from herdbook.reports.source import Source

FALSE_ALARMS_PER_YEAR = 0.4
"""Of a healthy animal and one measure: 0.37 in 200 simulated animal-years of lying shares (benchmarks/deviation.py)."""


def notes(source: Source, group: Group) -> list[str]:
    """The notes at the end of a report."""
    found = [
        f"Not seen is not zero. Every rate is per observed time; a day with fewer than {LEAST_OBSERVED_S / 3600:.0f}"
        " observed hours is blank.",
        f"“Stands out” means: on at least {LEAST_RUN} known days within {SPAN} of each other, {THRESHOLD:g} robust"
        f" standard deviations from the median of the animal's own {WINDOW_DAYS} days before (at least {LEAST_DAYS}"
        f" known), and as far in its difference to the pen-mates of the same day (at least {LEAST_MATES})."
        " The day itself and later days never count. “Period” and “new level” are where the mean changed, found"
        " looking back.",
        f"Of healthy simulated animals that happens {FALSE_ALARMS_PER_YEAR:g} times a year in one measure: with"
        f" {words.count(len(group.animals), 'animal')} and four measures some of it is chance. It says that"
        " something is unusual, never that an animal is ill.",
        "Baselines begin anew when the model or the pen changes, so the first days after are not judged. A change of"
        " level exactly at such a break is not reported: it cannot be told from the break's own.",
        "Identity is a claim: an animal taken for another for a day shows the other's day.",
    ]
    if source.as_of is not None:
        found.append(
            f"Everything is as it was known at the beginning of {words.day(source.as_of)} (UTC): farm records, who is"
            " who, and days that had been loaded by then."
        )
    return [*found, f"Read from {source.name}, snapshot {source.snapshot}."]
