"""Days of animals that eat, lie and stand, as records without pixels; what alerts are evaluated on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from herdbook.contracts.alert_message import Alert
from herdbook.contracts.alerts import AlertRules, LyingRule, NotAtFeederRule
from herdbook.contracts.camera import Camera
from herdbook.edge.alerts.evaluate import Evaluation
from herdbook.edge.alerts.spans import Spans
from herdbook.edge.alerts.summary import DaySummary
from herdbook.edge.alerts.tally import BoutRow, DayTally
from herdbook.edge.naming import Name

FIRST = date(2026, 3, 2)
HOUR = 3600.0
CAMERA = Camera(camera_id="cam-1", pen_id="pen-1", width=320, height=240, fps=4)
OFF_FEED = NotAtFeederRule(rule_id="off-feed", hours=12, longest_gap_minutes=45, observed_share=0.8)
LYING = LyingRule(rule_id="lying", spreads=3, excess=0.1, least_days=5, history_days=14)
RULES = AlertRules(ethogram_id="pig-9", rules=(OFF_FEED, LYING))


def midnight(day: int) -> float:
    """Of a day counted from the first, seconds since 1970."""
    return datetime.combine(FIRST + timedelta(days=day), datetime.min.time(), UTC).timestamp()


@dataclass(frozen=True)
class Bout:
    """What an animal does for some hours of a day."""

    since: float
    until: float
    behaviour: str = "standing"


def usual(meals: Sequence[float] = (6, 12, 18), lying: float = 0.0) -> list[Bout]:
    """A whole day: meals of a quarter of an hour, then lying for so many hours, standing else."""
    bouts: list[Bout] = []
    for start, following in zip([0.0, *meals], [*meals, 24.0], strict=True):
        begun = start if start == 0 else start + 0.25
        if start:
            bouts.append(Bout(start, begun, "eating"))
        lain = min(lying, following - begun)
        lying -= lain
        if lain:
            bouts.append(Bout(begun, begun + lain, "lying"))
        if following > begun + lain:
            bouts.append(Bout(begun + lain, following))
    return bouts


def summarise(
    day: int,
    animals: Mapping[str, Sequence[Bout]],
    *,
    off: Spans | None = None,
    until: float = 24.0,
    final: bool = True,
    rules: AlertRules = RULES,
    release_id: str = "motion-1",
) -> DaySummary:
    """A day's summary. Bouts of an animal are one tracklet; hours are of the day; the camera is on but for ``off``."""
    begun = midnight(day)
    tally = DayTally(FIRST + timedelta(days=day), (begun, begun + 24 * HOUR), [CAMERA], rules)
    names = {f"barn-1:{day}:{animal}": Name(animal, 0.9) for animal in animals}
    tally.add_tracklets((tracklet, "cam-1") for tracklet in names)
    for animal, bouts in animals.items():
        tally.add_bouts(
            BoutRow(
                f"barn-1:{day}:{animal}",
                begun + HOUR * bout.since,
                begun + HOUR * bout.until,
                bout.behaviour,
                None,
                f"clip-{day}-{int(bout.since)}.mp4",
                release_id,
            )
            for bout in bouts
        )
    edges = [0.0, *(hour for span in off or [] for hour in span), 24.0]
    watched = [(begun + HOUR * a, begun + HOUR * b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b > a]
    return tally.summary(names, {"cam-1": watched}, {"cam-1": begun + HOUR * until}, final=final, release_id=release_id)


def raised(root: Path, *days: DaySummary, rules: AlertRules = RULES, issued: bool = True) -> tuple[Alert, ...]:
    """The alerts of a device that takes these days."""
    evaluation = Evaluation(root, "barn-1", rules)
    for day in days:
        evaluation.take(day, issued=issued, now=datetime.fromtimestamp(day.until, UTC))
    return evaluation.store.read().alerts
