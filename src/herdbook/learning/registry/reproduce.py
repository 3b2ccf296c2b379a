"""Whether two runs came to the same figures, and if not, what differs between them."""

from __future__ import annotations

import math
import re
from typing import Any

from pydantic import Field

from herdbook.contracts.camera import Contract
from herdbook.learning.registry.origin import Origin
from herdbook.learning.registry.tracking import found_run, origin_of
from herdbook.settings import Settings

TOLERANCE = 1e-6
"""Figures that differ by less are the same: sums in another order round differently."""
_COST = re.compile(r"^cost/|(^|[/_.])(seconds|ms|per_second|per_s|memory_bytes|computed|reused|latency)([/_.]|$)")
"""What depends on the machine and on what was in the cache is no result."""


class Difference(Contract):
    """One thing that differs."""

    what: str
    """``code``, ``data``, ``params``, ``lock``, ``environment``, ``hardware``, or the figure's name."""
    one: str | float | None
    other: str | float | None


class RunComparison(Contract):
    """Two runs."""

    one: str
    other: str
    reproduced: bool
    """Whether every figure is the same, and there is one. Time and memory are no results."""
    figures: tuple[Difference, ...]
    """Figures that differ, or that only one of them has."""
    causes: tuple[Difference, ...] = Field(description="what they were made from differently")


def compare_runs(
    settings: Settings, one: str, other: str, *, tolerance: float = TOLERANCE, only: tuple[str, ...] = ("",)
) -> RunComparison:
    """Compare last figures, and what the runs were made from.

    Args:
        settings: where runs are kept.
        one, other: run ids.
        tolerance: absolute difference below which figures are the same.
        only: beginnings of the names of figures that count.

    Raises:
        NotFoundError: there is no such run.
        RegistryError: the store cannot be used.
    """
    first, second = (found_run(settings, run_id)[1] for run_id in (one, other))
    ours, theirs = (
        {n: v for n, v in run.data.metrics.items() if n.startswith(only) and not _COST.search(n)}
        for run in (first, second)
    )
    figures = [
        Difference(what=name, one=_finite(ours.get(name)), other=_finite(theirs.get(name)))
        for name in sorted(ours.keys() | theirs.keys())
        if not _same(ours.get(name), theirs.get(name), tolerance)
    ]
    return RunComparison(
        one=one,
        other=other,
        reproduced=bool(ours.keys() & theirs.keys()) and not figures,
        figures=tuple(figures),
        causes=tuple(_causes(first, second)),
    )


def _causes(first: Any, second: Any) -> list[Difference]:
    one, other = _made_from(first), _made_from(second)
    return [
        Difference(what=what, one=one.get(what), other=other.get(what))
        for what in dict.fromkeys([*one, *other])
        if one.get(what) != other.get(what)
    ]


def _made_from(run: Any) -> dict[str, str | None]:
    said: dict[str, str | None] = {}
    origin: Origin | None = origin_of(run)
    if origin is not None:
        said = {
            "code": origin.code_sha256,
            "commit": origin.git_revision,
            "uncommitted": ", ".join(origin.dirty_paths) or None,
            "params": origin.params_sha256,
            "lock": origin.lock_sha256,
            "environment": origin.environment_sha256,
            "python": origin.python,
            "hardware": origin.hardware.model_dump_json(),
        }
    for used in run.inputs.dataset_inputs if run.inputs else ():
        said[f"data {used.dataset.name}"] = used.dataset.digest
    for name, value in run.data.params.items():
        said[f"params {name}"] = value
    return said


def _same(one: float | None, other: float | None, tolerance: float) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=0, abs_tol=tolerance) or (math.isnan(one) and math.isnan(other))


def _finite(value: float | None) -> float | str | None:
    return value if value is None or math.isfinite(value) else str(value)
