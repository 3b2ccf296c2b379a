"""Many exposures, one question: the primary exposure's p-value stands, the others pay for being many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from herdbook.errors import EstimationError
from herdbook.studies.estimate.columns import Column, Floats, Ints, numbers

Method = Literal["holm", "benjamini-hochberg"]


@dataclass(frozen=True)
class Adjusted:
    """One exposure's p-value."""

    name: str
    p: float
    adjusted: float
    """The same for the primary exposure."""
    primary: bool


def holm(p: Column) -> Floats:
    """p-values under which the chance of any false finding stays below the level (Holm 1979, *Scandinavian Journal of
    Statistics* 6, 65-70): the k-th smallest of n times n - k + 1, made monotone, at most 1. Any dependence is allowed.

    Raises:
        EstimationError: a value is missing or lies outside 0..1.
    """
    values = _checked(p)
    order = np.argsort(values, kind="stable")
    raised = values[order] * np.arange(len(values), 0, -1)
    return _back(np.maximum.accumulate(raised), order)


def benjamini_hochberg(p: Column) -> Floats:
    """p-values under which the expected share of false findings stays below the level (Benjamini & Hochberg 1995,
    doi:10.1111/j.2517-6161.1995.tb02031.x): the k-th smallest of n times n / k, made monotone from the largest. It
    holds for independent and for positively dependent exposures.

    Raises:
        EstimationError: a value is missing or lies outside 0..1.
    """
    values = _checked(p)
    order = np.argsort(values, kind="stable")
    raised = values[order] * len(values) / np.arange(1, len(values) + 1)
    return _back(np.minimum.accumulate(raised[::-1])[::-1], order)


def adjust(names: Sequence[str], p: Column, primary: str, method: Method = "holm") -> tuple[Adjusted, ...]:
    """p-values of a study: one primary exposure, named before looking, and the rest adjusted among themselves.

    Args:
        names: the exposures.
        p: one each.
        primary: the one that the study was made for.
        method: "holm" (no false finding) or "benjamini-hochberg" (few among the findings).

    Raises:
        EstimationError: names repeat, the primary exposure is not among them, or a p-value cannot be one.
    """
    values = _checked(p)
    if len(values) != len(names) or len(set(names)) != len(names):
        raise EstimationError(
            f"{len(values)} p-values for the exposures {', '.join(names)}, each of which counts once."
        )
    if primary not in names:
        raise EstimationError(
            f"The primary exposure {primary!r} is not among {', '.join(names)}.", "Name one of the exposures."
        )
    first = np.array([name == primary for name in names])
    adjusted = values.copy()
    adjusted[~first] = (holm if method == "holm" else benjamini_hochberg)(values[~first])
    return tuple(
        Adjusted(name, float(raw), float(new), bool(main))
        for name, raw, new, main in zip(names, values, adjusted, first, strict=True)
    )


def _checked(p: Column) -> Floats:
    values = numbers("p", p)
    if ((values < 0) | (values > 1)).any():
        raise EstimationError("A p-value lies outside 0..1.")
    return values


def _back(ordered: Floats, order: Ints) -> Floats:
    adjusted = np.empty_like(ordered)
    adjusted[order] = np.minimum(ordered, 1)
    return adjusted
