"""Gates: what a challenger must hold before it becomes champion. A verdict is data: each gate, its bound, its limit.

Non-inferiority by interval: of ``challenger - champion``, paired on the same sequences and signed so that more is
better, the lower end of the 95 % interval must not lie below ``-margin`` (ICH E9, section 3.3.2). Where no interval can
be given there is no evidence, and the gate fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from herdbook.contracts.camera import Contract
from herdbook.contracts.identifiers import Slug
from herdbook.contracts.validation import first_problem
from herdbook.errors import ConfigurationError, PromotionRefusedError
from herdbook.learning.evaluation.compare import Estimates
from herdbook.learning.evaluation.figures import FIGURES
from herdbook.learning.evaluation.report import Comparison, Footprint, Report, compare
from herdbook.learning.evaluation.sequences import SLICES

Margin = Annotated[float, Field(ge=0)]
FEW = "few sequences: reported only"
BASELINE = "against the baseline: reported only"
"""Behaviour and looks are judged on the animals that an engine finds: the baseline's easy few against nearly all."""
_NAMED = 5
_COSTS = ("size_bytes", "peak_memory_bytes", "latency_ms")


class FigureGate(Contract):
    """How much worse a figure may be; null is not gated."""

    overall: Margin | None
    slice: Margin | None = None
    required: bool = True


class FirstGate(Contract):
    """What the first champion is measured against."""

    engine: Slug = "motion"
    beat: Annotated[tuple[str, ...], Field(min_length=1)]


class Budget(Footprint):
    """A `Footprint` of upper limits for one model on one kind of device; null is not limited."""

    model: Slug
    required: bool = False


class Gates(Contract):
    """The file: see ``gates.yaml``."""

    format: Literal["herdbook-gates/1"] = "herdbook-gates/1"
    min_sequences: Annotated[int, Field(ge=2)]
    slice_by: tuple[str, ...]
    margins: Annotated[dict[str, FigureGate], Field(min_length=1)]
    first: FirstGate
    budgets: tuple[Budget, ...] = ()

    @model_validator(mode="after")
    def _known(self) -> Self:
        for name in (*self.margins, *self.first.beat):
            if name not in FIGURES:
                raise ValueError(f"there is no figure '{name}'")
        for by in self.slice_by:
            if by not in SLICES:
                raise ValueError(f"there are no slices by '{by}'")
        return self


class Check(Contract):
    """One gate and what it found."""

    gate: Literal["clean", "difference", "better", "budget", "measured"]
    what: str
    """The figure or cost."""
    where: str = "overall"
    """``overall``, a slice, or a kind of device."""
    sequences: int | None = None
    value: float | None = None
    """The difference, signed so that more is better; or the cost."""
    bound: float | None = None
    """What was held against the limit."""
    limit: float | None = None
    counts: bool = True
    """False for what is only reported."""
    passed: bool
    note: str | None = None


class Verdict(Contract):
    """All gates of one model version against another, or against the baseline."""

    model: Slug
    passed: bool
    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[Check, ...]:
        """What stands in the way."""
        return tuple(check for check in self.checks if check.counts and not check.passed)

    def require_passed(self) -> None:
        """Do nothing, if it passed.

        Raises:
            PromotionRefusedError: it did not; the message names the first failed gates.
        """
        if not self.passed:
            said = "; ".join(f"{c.what} {c.where}" + (f": {c.note}" if c.note else "") for c in self.failed[:_NAMED])
            more = len(self.failed) - _NAMED
            raise PromotionRefusedError(
                f"{self.model} does not pass {len(self.failed)} of its gates: {said}" + (f"; {more} more" * (more > 0))
            )


def load_gates(path: Path | None = None) -> Gates:
    """Gates from a file, or the shipped ones.

    Raises:
        ConfigurationError: the file cannot be read or is not valid.
    """
    source = path or resources.files("herdbook.learning.registry") / "gates.yaml"
    try:
        return Gates.model_validate(yaml.safe_load(source.read_text(encoding="utf-8")))
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{source} cannot be read: {error}") from error
    except ValidationError as error:
        raise ConfigurationError(f"{source}, {first_problem(error.errors())}") from error


def judge(
    challenger: Report, other: Report, gates: Gates, *, model: str, first: bool, dirty: bool
) -> tuple[Verdict, Comparison]:
    """Hold a challenger against the champion, or the first one against the baseline.

    Args:
        challenger, other: evaluations on the same sequences.
        gates: what it takes.
        model: its name in the registry.
        first: whether ``other`` is the baseline, because there is no champion.
        dirty: whether the challenger was made from what is not committed.

    Raises:
        InputError: the evaluations are not of the same sequences, or ``other`` is not of the baseline's engine.
    """
    found = compare(challenger, other, gates.slice_by)
    checks = [
        Check(gate="clean", what="run", passed=not dirty, note="made from what is not committed" if dirty else None)
    ]
    if first:
        engine = other.engine.release.engine
        known = engine == gates.first.engine
        note = None if known else f"the first champion is measured against {gates.first.engine}, not {engine}"
        checks.append(Check(gate="measured", what="baseline", passed=known, note=note))
        checks += [_better(found.overall, name) for name in gates.first.beat]
    enough = found.overall.sequences >= gates.min_sequences
    note = None if enough else f"{found.overall.sequences} of at least {gates.min_sequences}"
    checks.append(Check(gate="measured", what="sequences", passed=enough, note=note))
    checks += _differences(found, gates, first=first)
    checks += _budgets(challenger, gates, model)
    passed = all(check.passed for check in checks if check.counts)
    return Verdict(model=model, passed=passed, checks=tuple(checks)), found


def _differences(found: Comparison, gates: Gates, *, first: bool) -> Iterator[Check]:
    for name, gate in gates.margins.items():
        if gate.overall is not None:
            reported = BASELINE if first else None
            yield _not_worse(found.overall, name, gate.overall, reported=reported, required=gate.required)
    for part in found.slices:
        reported = BASELINE if first else FEW if part.sequences < gates.min_sequences else None
        for name, gate in gates.margins.items():
            if gate.slice is not None:
                yield _not_worse(part, name, gate.slice, reported=reported, required=False)


def _not_worse(found: Estimates, name: str, margin: float, *, reported: str | None, required: bool) -> Check:
    """A margin's check; with a reason why it is only `reported`, it does not count."""
    value, bound = _signed(found, name)
    note, passed = None, bound is not None and bound >= -margin
    if value is None:
        passed, note = not required, "not measured"
    elif bound is None:
        note = "no interval: too few sequences"
    return Check(
        gate="difference",
        what=name,
        where=_where(found),
        sequences=found.sequences,
        value=value,
        bound=bound,
        limit=-margin,
        counts=reported is None,
        passed=passed,
        note=reported or note,
    )


def _better(found: Estimates, name: str) -> Check:
    value, bound = _signed(found, name)
    return Check(
        gate="better",
        what=name,
        sequences=found.sequences,
        value=value,
        bound=bound,
        limit=0.0,
        passed=bound is not None and bound > 0,
    )


def _signed(found: Estimates, name: str) -> tuple[float | None, float | None]:
    """The difference and the lower end of its interval, so that more is better."""
    estimate = found.figures[name]
    if FIGURES[name].more_is_better:
        return estimate.value, estimate.low
    flip = [None if value is None else -value for value in (estimate.value, estimate.high)]
    return flip[0], flip[1]


def _where(found: Estimates) -> str:
    return "overall" if found.slice_by is None else f"{found.slice_by} {found.slice_is}"


def _budgets(challenger: Report, gates: Gates, model: str) -> Iterator[Check]:
    measured = {footprint.sku: footprint for footprint in challenger.engine.footprints}
    for budget in gates.budgets:
        if budget.model != model:
            continue
        for cost in _COSTS:
            limit = getattr(budget, cost)
            if limit is None:
                continue
            value = getattr(measured.get(budget.sku), cost, None)
            counts = value is not None or budget.required
            yield Check(
                gate="budget",
                what=cost,
                where=budget.sku,
                value=value,
                bound=value,
                limit=limit,
                counts=counts,
                passed=value is not None and value <= limit,
                note="not measured" if value is None else None,
            )
