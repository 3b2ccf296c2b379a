"""The report on one pen: who was there, what they did, who stands out, and how well they were watched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from herdbook.reports import words
from herdbook.reports.events import Event, events_of, marks_legend
from herdbook.reports.figure import require_libraries
from herdbook.reports.findings import Finding, Judged, judge, levels, measures_of, standing_out, told
from herdbook.reports.notes import notes
from herdbook.reports.page import render
from herdbook.reports.pen_plots import plots
from herdbook.reports.pen_rows import PenRecord, read_pen
from herdbook.reports.source import Source

MOST_FINDINGS = 30
MOST_NAMED = 4


@dataclass(frozen=True)
class PenStory:
    """What a report on a pen tells, before it is drawn."""

    record: PenRecord
    judged: Sequence[Judged]
    headline: str
    lead: str
    findings: Sequence[Finding]
    events: Sequence[Event]
    left_out: int
    """Findings that are not told one by one."""


def pen_story(source: Source, pen: str, since: date | None = None, until: date | None = None) -> PenStory:
    """What went on in one pen; arguments and errors as those of `herdbook.reports.animal.animal_story`."""
    record = read_pen(source, pen, since, until)
    judged = [judge(record.group, m) for m in measures_of(record.group)]
    return tell(record, judged, find(record, judged))


def pen_page(source: Source, story: PenStory) -> str:
    """The story as a page of HTML.

    Raises:
        MissingDependencyError: what draws is not installed.
    """
    require_libraries()
    record = story.record
    return render(
        "pen.html.j2",
        {
            "title": f"Pen {record.pen['pen_id']}",
            "kicker": f"report on one pen, {words.days(record.axis.first, record.axis.last)}",
            "headline": story.headline,
            "lead": story.lead,
            "facts": facts(record),
            "events": story.events,
            "more": f"{words.count(story.left_out, 'lesser finding')} not listed." if story.left_out else "",
            "legend": marks_legend(record.marks),
            "plots": list(plots(record, story.judged)),
            "animals": animal_rows(record, story.findings),
            "notes": notes(source, record.group),
        },
    )


def find(record: PenRecord, judged: Sequence[Judged]) -> list[Finding]:
    """All findings about animals while they were in this pen."""
    found: list[Finding] = []
    for j in judged:
        for k in range(len(record.group.animals)):
            of = standing_out(record.group, j, k) + levels(record.group, j, k)
            found += [f for f in of if record.there[k, record.axis.position(f.first)]]
    return found


def tell(record: PenRecord, judged: Sequence[Judged], found: Sequence[Finding]) -> PenStory:
    """The headline, the lead and the list of events."""
    chosen = told(found, MOST_FINDINGS)
    names = list(dict.fromkeys(f.animal_id for f in sorted(chosen, key=lambda f: -f.weight)))
    here = int(record.there.any(axis=1).sum())
    counted = words.count(here, "animal")
    if names:
        headline = f"{words.count(len(names), 'animal')} of {here} stood out at some time."
        best = sorted(chosen, key=lambda f: -f.weight)
        first = {f.animal_id: f for f in reversed(best)}
        said = [f"{name} {first[name].said} ({first[name].figures})" for name in names[:MOST_NAMED]]
        lead = "Most of all " + words.listed(said) + "."
    else:
        headline = f"Nothing stands out in the pen's {counted}."
        lead = "On no run of days was an animal unlike itself and unlike the others."
    events = events_of(chosen, record.marks, named=True)
    return PenStory(record, judged, headline, lead, chosen, events, len(found) - len(chosen))


def facts(record: PenRecord) -> list[tuple[str, str]]:
    """What is known of the pen, and how well it was watched."""
    kept, on = record.days["animals"], record.days["camera_on_s"]
    known = ~np.isnan(on)
    watched = float(np.sum(on[known])) / (record.axis.n * 86400)
    return [
        ("Farm", str(record.pen.get("farm_id") or "unknown")),
        ("Name", str(record.pen.get("name") or record.pen["pen_id"])),
        ("Animals over the time", str(int(record.there.any(axis=1).sum()))),
        ("Kept at once", f"{int(np.nanmin(kept))} to {int(np.nanmax(kept))}"),
        ("Days brought by a device", f"{int(known.sum())} of {record.axis.n}"),
        ("Watched", words.share(watched)),
    ]


def animal_rows(record: PenRecord, findings: Sequence[Finding]) -> list[tuple[str, ...]]:
    """One row per animal: days there, hours seen, lying share, and its greatest finding."""
    rows: list[tuple[str, ...]] = []
    for k, animal in enumerate(record.group.animals):
        there = record.there[k]
        if not there.any():
            continue
        columns = {
            name: np.where(there, record.group.columns[name][k, record.group.shown :], np.nan)
            for name in ("behaviour_s", "lying_s")
        }
        observed = float(np.nansum(columns["behaviour_s"]))
        mine = sorted((f for f in findings if f.animal_id == animal), key=lambda f: -f.weight)
        rows.append(
            (
                animal,
                str(int(there.sum())),
                f"{observed / 3600 / max(int(there.sum()), 1):.1f}",
                words.share(float(np.nansum(columns["lying_s"])) / observed) if observed else words.BLANK,
                words.sentence(mine[0].text) if mine else "nothing",
            )
        )
    return rows
