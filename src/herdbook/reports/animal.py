"""The report on one animal: what it did, what changed and when, and how far that can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from herdbook.analytics.baseline import LEAST_MATES
from herdbook.analytics.heat import may_cycle
from herdbook.reports import words
from herdbook.reports.animal_plots import plots
from herdbook.reports.animal_rows import AnimalRecord, read_animal
from herdbook.reports.events import Event, events_of, marks_legend
from herdbook.reports.figure import require_libraries
from herdbook.reports.findings import Finding, Judged, heats, judge, levels, measures_of, standing_out, told
from herdbook.reports.notes import notes
from herdbook.reports.page import render
from herdbook.reports.source import Source

MOST_FINDINGS = 24


@dataclass(frozen=True)
class AnimalStory:
    """What a report on an animal tells, before it is drawn."""

    record: AnimalRecord
    judged: Sequence[Judged]
    headline: str
    lead: str
    findings: Sequence[Finding]
    events: Sequence[Event]
    left_out: int
    """Findings that are not told one by one."""


def animal_story(source: Source, animal: str, since: date | None = None, until: date | None = None) -> AnimalStory:
    """What one animal did, and what changed when.

    Args:
        source: to read from.
        animal: its id.
        since: first farm-local day; its first otherwise.
        until: last farm-local day; its last otherwise.

    Raises:
        NotFoundError: there is no such animal.
        NothingToReportError: it has no day in the range.
        InputError: the range ends before it begins.
    """
    record = read_animal(source, animal, since, until)
    judged = [judge(record.group, m) for m in measures_of(record.group)]
    return tell(record, judged, find(record, judged))


def animal_page(source: Source, story: AnimalStory) -> str:
    """The story as a page of HTML.

    Raises:
        MissingDependencyError: what draws is not installed.
    """
    require_libraries()
    record = story.record
    return render(
        "base.html.j2",
        {
            "title": f"Animal {record.animal['animal_id']}",
            "kicker": f"report on one animal, {words.days(record.axis.first, record.axis.last)}",
            "headline": story.headline,
            "lead": story.lead,
            "facts": facts(record),
            "events": story.events,
            "more": f"{words.count(story.left_out, 'lesser finding')} not listed." if story.left_out else "",
            "legend": marks_legend(record.marks),
            "plots": list(plots(record, story.judged)),
            "notes": notes(source, record.group),
        },
    )


def find(record: AnimalRecord, judged: Sequence[Judged]) -> list[Finding]:
    """All findings about the animal itself."""
    found: list[Finding] = []
    for j in judged:
        found += standing_out(record.group, j, 0) + levels(record.group, j, 0)
        if j.measure.name in ("activity", "walking_share") and _may_cycle(record):
            found += heats(record.group, j, 0)
    return found


def tell(record: AnimalRecord, judged: Sequence[Judged], found: Sequence[Finding]) -> AnimalStory:
    """The headline, the lead and the list of events."""
    chosen = told(found, MOST_FINDINGS)
    out = sorted((f for f in chosen if f.kind != "heat"), key=lambda f: -f.weight)
    if out:
        first = out[0]
        headline = words.sentence(f"it {first.said}")
        apart = first.kind == "stands out" and len(record.group.animals) > LEAST_MATES
        mates = "; its pen-mates did not" if apart else ""
        lead = words.sentence(f"{first.figures}{mates}") + _around(record, first)
        lead += f" It also {words.listed([f.said for f in out[1:4]])}." if out[1:] else ""
    else:
        seen = int(np.sum(~np.isnan(record.group.columns["behaviour_s"][0, record.group.shown :])))
        headline = f"Nothing stands out in {words.count(seen, 'observed day')}."
        lead = "On no run of days was it unlike itself and unlike its pen-mates."
    events = events_of(chosen, record.marks, record.stays)
    return AnimalStory(record, judged, headline, lead, chosen, events, len(found) - len(chosen))


def facts(record: AnimalRecord) -> list[tuple[str, str]]:
    """What is known of the animal, and how well it was seen."""
    row, seen = record.animal, record.group.columns["behaviour_s"][0, record.group.shown :]
    known = ~np.isnan(seen)
    pens = list(dict.fromkeys(stay["pen_id"] for stay in record.stays)) or list(record.group.pens)
    found = [
        ("Species", " ".join(str(row[k]) for k in ("sex", "species") if row.get(k)) or "unknown"),
        ("Born", words.day(row["born_on"]) if row.get("born_on") else "unknown"),
        ("Farm", str(row.get("farm_id") or "unknown")),
        ("Pen" if len(pens) == 1 else "Pens, in order", ", ".join(pens) or "unknown"),
        ("Days seen", f"{int(known.sum())} of {record.axis.n}"),
        ("Seen on such a day", f"{float(np.mean(seen[known])) / 3600:.1f} h" if known.any() else "never"),
        ("Pen-mates compared", str(len(record.group.animals) - 1)),
    ]
    sure = record.confidence[~np.isnan(record.confidence)]
    return found + ([("Sure that it is this animal", words.share(float(np.mean(sure))))] if len(sure) else [])


def _around(record: AnimalRecord, finding: Finding) -> str:
    """What the farm wrote down about illness near a finding."""
    near = timedelta(days=14)
    last = finding.first if finding.kind == "level" else finding.last
    facts = [
        fact
        for fact in record.marks.facts
        if fact.kind in ("diagnosis", "abortion") and finding.first - near <= fact.day <= last + near
    ]
    if not facts:
        return " The farm wrote down no illness within a fortnight."
    said = [f"{fact.value or fact.kind} {words.days(fact.day, fact.day)}" for fact in facts[:2]]
    return f" The farm wrote down {words.listed(said)}."


def _may_cycle(record: AnimalRecord) -> bool:
    born = record.animal.get("born_on")
    age = None if born is None else (record.axis.last - born).days
    return may_cycle(record.animal.get("species"), record.animal.get("sex"), age)
