"""Crowding: most of a pen's animals together, on average over a while."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from herdbook.contracts.alert_message import Outcome
from herdbook.contracts.alerts import CrowdingRule, Subject
from herdbook.edge.alerts.findings import Finding
from herdbook.edge.alerts.summary import CrowdDay, DaySummary


@dataclass(frozen=True)
class Episode:
    """Minutes since 1970: from ``began`` until ``ended`` (excluded; none while it goes on)."""

    began: int
    raised: int
    ended: int | None
    outcome: Outcome | None
    share: float
    """Mean over the minutes that raised it."""
    observed: int
    """Of those, how many were looked at."""


def crowding(rule: CrowdingRule, days: Sequence[DaySummary]) -> Iterator[Finding]:
    """Episodes of the rule in the days kept, camera by camera, oldest first."""
    cameras: dict[str, list[tuple[DaySummary, CrowdDay]]] = {}
    for day in days:
        for crowd in day.crowds:
            if crowd.rule_id == rule.rule_id:
                cameras.setdefault(crowd.camera_id, []).append((day, crowd))
    for camera_id, known in sorted(cameras.items()):
        until = max(day.settled_in(known[-1][1].pen_id) for day in days)
        minutes = [minute for _, crowd in known for minute in crowd.minutes]
        shares = [share for _, crowd in known for share in crowd.shares]
        for episode in episodes(rule, minutes, shares, int(until // 60)):
            day = next((d for d, _ in known if d.starts <= 60 * episode.raised <= d.ends), known[-1][0])
            yield Finding(
                rule=rule,
                about=Subject.PEN,
                subject_id=known[-1][1].pen_id,
                pen_id=known[-1][1].pen_id,
                began=60.0 * episode.began,
                raised=60.0 * episode.raised,
                ended=None if episode.ended is None else 60.0 * episode.ended,
                outcome=episode.outcome,
                measured=episode.share,
                threshold=rule.share,
                unit="1",
                observed_s=60.0 * episode.observed,
                release_id=day.release_id,
                cameras=(camera_id,),
            )


def episodes(rule: CrowdingRule, minutes: Sequence[int], shares: Sequence[float], until: int) -> Iterator[Episode]:
    """Stretches in which the mean over the last ``rule.minutes`` minutes was at least the rule's share.

    Args:
        rule: how crowded for how long is too much.
        minutes: since 1970, those that were looked at.
        shares: of animals that were together in each.
        until: up to which minute anything is known.
    """
    if not minutes:
        return
    first = min(minutes)
    share = np.full(max(max(minutes) + 1, until) - first, np.nan)
    share[np.array(minutes) - first] = shares
    width = round(rule.minutes)
    mean, looked = rolling(share, width)
    known = looked >= rule.observed_share * width
    high = known & (mean >= rule.share - 1e-9)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], high, [False]]).astype(np.int8)))
    for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        ended, outcome = None, None
        if stop < len(share):
            ended, outcome = first + stop, Outcome.OVER if known[stop] else Outcome.LOST
        began = max(0, start - width + 1)
        yield Episode(first + began, first + start + 1, ended, outcome, float(mean[start]), int(looked[start]))


def rolling(values: NDArray[np.float64], width: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Mean of the last ``width`` values that are there (0 where none is), and how many they are, at each place."""
    there = ~np.isnan(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(there, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(there)])
    last = np.arange(1, len(values) + 1)
    since = np.maximum(last - width, 0)
    looked = counts[last] - counts[since]
    return (sums[last] - sums[since]) / np.maximum(looked, 1), looked
