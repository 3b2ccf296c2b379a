"""Figures with intervals: of one engine, of two on the same sequences, overall and by slice."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Ordered

import numpy as np
from pydantic import Field

from herdbook.contracts.camera import Contract
from herdbook.errors import InputError
from herdbook.learning.evaluation.bootstrap import Resampling, resample
from herdbook.learning.evaluation.figures import FIGURES, Figure, figures
from herdbook.learning.evaluation.sequences import SLICES, Sequence
from herdbook.learning.evaluation.tally import Tally, pool, stack
from herdbook.learning.formats.tracks import Floats


class Estimate(Contract):
    """A figure, or a difference of two, with a 95 % interval."""

    value: float | None
    """None where it has no denominator."""
    low: float | None = None
    high: float | None = None
    """None where no interval can be given: one unit, or a figure that is often undefined."""


class Estimates(Contract):
    """Figures of some sequences taken together."""

    slice_by: str | None = None
    """What the sequences have in common; none for all of them."""
    slice_is: str | None = None
    sequences: int = Field(ge=1)
    level: str | None = None
    """What was drawn for the intervals: farm, pen or sequence."""
    units: int | None = None
    """How many of those there are."""
    figures: dict[str, Estimate]


def estimates(sequences: Ordered[Sequence], tallies: Ordered[Tally]) -> Estimates:
    """Figures of one engine over all the sequences given."""
    draws = resample(sequences)
    stacked = stack(tallies)
    point, drawn = figures_drawn(stacked, draws)
    found = {name: _estimate(point[name], drawn.get(name), draws, figure) for name, figure in FIGURES.items()}
    return _named(sequences, draws, found)


def differences(sequences: Ordered[Sequence], one: Ordered[Tally], other: Ordered[Tally]) -> Estimates:
    """``one - other``, paired: in every draw both are computed over the same sequences.

    Args:
        sequences: that both saw.
        one, other: their tallies, in the order of the sequences.
    """
    draws = resample(sequences)
    point, drawn = figures_drawn(stack(one), draws)
    less, drawn_less = figures_drawn(stack(other), draws)
    found = {}
    for name, figure in FIGURES.items():
        spread = drawn[name] - drawn_less[name] if drawn else None
        reach = figure.high - figure.low
        found[name] = _estimate(point[name] - less[name], spread, draws, Figure(figure.compute, -reach, reach))
    return _named(sequences, draws, found)


def slices(sequences: Ordered[Sequence], by: Ordered[str] = SLICES) -> Iterator[tuple[str, str, list[int]]]:
    """Every slice that is not all of the sequences: what it is by, its value, and the places of its sequences."""
    for attribute in by:
        values = [sequence.slice_of(attribute) for sequence in sequences]
        for value in sorted(set(values)):
            places = [k for k, v in enumerate(values) if v == value]
            if len(places) < len(sequences):
                yield attribute, value, places


def sliced(
    sequences: Ordered[Sequence],
    one: Ordered[Tally],
    other: Ordered[Tally] | None = None,
    by: Ordered[str] = SLICES,
) -> list[Estimates]:
    """`estimates`, or `differences` where there is another, of every slice."""
    found = []
    for attribute, value, places in slices(sequences, by):
        part, mine = [sequences[k] for k in places], [one[k] for k in places]
        made = estimates(part, mine) if other is None else differences(part, mine, [other[k] for k in places])
        found.append(made.model_copy(update={"slice_by": attribute, "slice_is": value}))
    return found


def figures_drawn(stacked: Tally, draws: Resampling | None) -> tuple[dict[str, float], dict[str, Floats]]:
    """Every figure over all sequences, and in every draw of them.

    Raises:
        InputError: there is no sequence.
    """
    count = len(stacked["truth_boxes"])
    if not count:
        raise InputError("there is no sequence to evaluate", "Give a folder that holds clips with their truth.")
    point = {name: float(value[0]) for name, value in figures(pool(stacked, np.ones((1, count)))).items()}
    return point, {} if draws is None else figures(pool(stacked, draws.weights))


def _estimate(value: float, drawn: Floats | None, draws: Resampling | None, figure: Figure) -> Estimate:
    if not np.isfinite(value):
        return Estimate(value=None)
    if drawn is None or draws is None:
        return Estimate(value=value)
    ends = draws.interval(value, drawn, figure.low, figure.high)
    return Estimate(value=value) if ends is None else Estimate(value=value, low=ends[0], high=ends[1])


def _named(sequences: Ordered[Sequence], draws: Resampling | None, found: dict[str, Estimate]) -> Estimates:
    return Estimates(
        sequences=len(sequences),
        level=None if draws is None else draws.level,
        units=None if draws is None else draws.units,
        figures=found,
    )
