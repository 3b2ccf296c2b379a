"""Arms of an ablation side by side: what training chance does to each, and how far each is from the reference.

A mean over seeds has Student's interval over seeds: the same sequences, another training. A difference to the reference
is paired by seed and by sequence. Its variance has two parts that are added, chance of training (over the seeds'
differences) and choice of sequences (over draws of farms, pens or clips, `herdbook.learning.evaluation.bootstrap`);
degrees of freedom by Welch and Satterthwaite (Satterthwaite 1946, doi:10.2307/3002019).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from pydantic import Field
from scipy import stats

from herdbook.contracts.camera import Contract
from herdbook.errors import InputError
from herdbook.learning.evaluation.bootstrap import CONFIDENCE, resample
from herdbook.learning.evaluation.compare import Estimate, figures_drawn
from herdbook.learning.evaluation.figures import FIGURES
from herdbook.learning.evaluation.report import Report
from herdbook.learning.evaluation.tally import stack


class ArmFigure(Contract):
    """One figure of one arm."""

    mean: Estimate
    """Over seeds."""
    seeds: tuple[float | None, ...]
    """In each of them."""
    difference: Estimate | None
    """To the reference; none for the reference itself."""


class Ablation(Contract):
    """The table."""

    reference: str
    seeds: tuple[int, ...]
    sequences: int
    level: str | None
    """What was drawn of the sequences: farm, pen or sequence."""
    arms: dict[str, dict[str, ArmFigure]] = Field(description="figures by arm; in parentheses engines not trained here")
    remarks: tuple[str, ...] = ()


def compare_arms(
    reports: Mapping[str, Sequence[Report]],
    seeds: Sequence[int],
    reference: str,
    others: Mapping[str, Report] = MappingProxyType({}),
) -> Ablation:
    """The table of an ablation.

    Args:
        reports: by arm, one per seed, in the order of the seeds; all on the same sequences.
        seeds: at least two.
        reference: the arm that the others are held against.
        others: engines that were not trained here and have no seeds. Their figures have no interval over seeds; their
            differences hold the same engine against each of the reference's seeds.

    Raises:
        InputError: they were not judged on the same sequences.
    """
    first = reports[reference][0]
    every = [*others.values(), *(report for arm in reports.values() for report in arm)]
    if any(r.sequences != first.sequences or r.protocol != first.protocol for r in every):
        raise InputError("the arms were not judged on the same sequences", "Run all of them from the same sources.")
    draws = resample(first.sequences)
    found = {arm: [figures_drawn(stack(r.tallies), draws) for r in mine] for arm, mine in reports.items()}
    found |= {name: [figures_drawn(stack(r.tallies), draws)] * len(seeds) for name, r in others.items()}
    arms: dict[str, dict[str, ArmFigure]] = {}
    for arm, mine in found.items():
        arms[arm] = {}
        for name in FIGURES:
            values = np.array([point[name] for point, _ in mine])
            difference = None
            if arm != reference:
                theirs = found[reference]
                less = values - np.array([point[name] for point, _ in theirs])
                drawn = [m[name] - o[name] for (_, m), (_, o) in zip(mine, theirs, strict=True)] if draws else []
                difference = _both(less, np.array(drawn), draws.degrees if draws else 0)
            told = tuple(float(v) if math.isfinite(v) else None for v in values)
            mean = mean_estimate(values[:1] if arm in others else values)
            arms[arm][name] = ArmFigure(mean=mean, seeds=told, difference=difference)
    level = draws.level if draws else None
    return Ablation(reference=reference, seeds=tuple(seeds), sequences=len(first.sequences), level=level, arms=arms)


def markdown(table: Ablation, figures: Sequence[str]) -> str:
    """For people: a row an arm, each figure with its interval, and its difference to the reference below."""
    figures = [name for name in figures if any(mine[name].mean.value is not None for mine in table.arms.values())]
    head = f"| arm | {' | '.join(figures)} |\n| --- |{' --- |' * len(figures)}\n"
    rows = []
    for arm, mine in table.arms.items():
        rows.append(f"| **{arm}** | {' | '.join(said(mine[name].mean) for name in figures)} |")
        if arm != table.reference:
            rows.append(f"| less {table.reference} | {' | '.join(said(mine[name].difference) for name in figures)} |")
    return (
        f"# Ablation\n\nSeeds {', '.join(str(s) for s in table.seeds)}; {table.sequences} sequences. "
        f"Means over seeds with {CONFIDENCE:.0%} intervals over seeds; differences paired by seed and sequence, their "
        f"intervals over seeds and {table.level or 'no'} draws. In parentheses: engines that were not trained here.\n\n"
        + "".join(f"{remark}\n\n" for remark in table.remarks)
        + head
        + "\n".join(rows)
        + "\n"
    )


def mean_estimate(values: np.ndarray) -> Estimate:
    """The mean of independent values with Student's interval; no interval of one, nothing where one is not defined."""
    if not np.isfinite(values).all():
        return Estimate(value=None)
    mean, n = float(values.mean()), len(values)
    if n < 2:
        return Estimate(value=mean)
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1) * values.std(ddof=1) / math.sqrt(n))
    return Estimate(value=mean, low=mean - reach, high=mean + reach)


def _both(less: np.ndarray, drawn: np.ndarray, degrees: int) -> Estimate:
    """A mean difference, its variance over seeds and over draws of sequences added."""
    if not np.isfinite(less).all():
        return Estimate(value=None)
    mean, n = float(less.mean()), len(less)
    averaged = drawn.mean(axis=0) if drawn.size else np.empty(0)
    averaged = averaged[np.isfinite(averaged)]
    if not len(averaged) or degrees < 1:
        return Estimate(value=mean)
    parts = [(float(less.var(ddof=1)) / n, n - 1), (float(averaged.var(ddof=1)), degrees)]
    total = sum(variance for variance, _ in parts)
    if total == 0:
        return Estimate(value=mean, low=mean, high=mean)
    freedom = total**2 / sum(variance**2 / df for variance, df in parts)
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * math.sqrt(total)
    return Estimate(value=mean, low=mean - reach, high=mean + reach)


def said(estimate: Estimate | None) -> str:
    """``0.900 (0.880 … 0.920)``; empty where there is no value."""
    if estimate is None or estimate.value is None:
        return ""
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} ({estimate.low:.3f} … {estimate.high:.3f})"
