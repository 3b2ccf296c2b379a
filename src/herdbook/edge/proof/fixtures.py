"""Parity: what an engine says of a fixture's inputs, against what the release says it must."""

from __future__ import annotations

import statistics
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from herdbook.errors import ReleaseUnusableError

Arrays = dict[str, NDArray[Any]]
Run = Callable[[str, Mapping[str, NDArray[Any]]], Arrays]
"""Outputs of a role's network for inputs, all by name."""
NOT_EVERY_FRAME = ("behaviour",)
"""Roles that judge finished tracklets: no frame waits for them."""
_TINY = 1e-9


@dataclass(frozen=True)
class Check:
    """A fixture in memory."""

    role: str
    inputs: Arrays
    outputs: Arrays


def read_check(role: str, path: Path) -> Check:
    """A fixture from its file.

    Raises:
        ReleaseUnusableError: it is none.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise ReleaseUnusableError(f"{path} is no fixture: {type(error).__name__}") from error
    inputs = {name.removeprefix("input."): values for name, values in arrays.items() if name.startswith("input.")}
    outputs = {name.removeprefix("output."): values for name, values in arrays.items() if name.startswith("output.")}
    if not inputs or not outputs:
        raise ReleaseUnusableError(f"{path} is no fixture: it needs input.<name> and output.<name>")
    return Check(role, inputs, outputs)


def error_of(check: Check, said: Mapping[str, NDArray[Any]]) -> float | None:
    """The largest mean absolute difference of an output, as a share of its spread (`Fixture.tolerance`).

    None where an output is absent, of another shape, or not finite.
    """
    worst = 0.0
    for name, expected in check.outputs.items():
        found = said.get(name)
        if found is None or found.shape != expected.shape or not np.isfinite(found).all():
            return None
        wanted = expected.astype(np.float64)
        difference = float(np.abs(found.astype(np.float64) - wanted).mean()) if wanted.size else 0.0
        worst = max(worst, difference / max(float(wanted.std()) if wanted.size else 0.0, _TINY))
    return worst


def errors_of(checks: Sequence[Check], run: Run) -> list[float | None]:
    """One error per fixture; a network that cannot run has said nothing."""
    return [error_of(check, run(check.role, check.inputs)) for check in checks]


def latency_ms(checks: Sequence[Check], run: Run, *, warm_up: int, runs: int) -> float:
    """Median time of one pass over all networks that a frame needs, milliseconds."""
    first: dict[str, Check] = {}
    for check in checks:
        if check.role not in NOT_EVERY_FRAME:
            first.setdefault(check.role, check)
    once = list(first.values()) or list(checks[:1])
    taken = []
    for n in range(warm_up + runs):
        began = time.perf_counter()
        for check in once:
            run(check.role, check.inputs)
        if n >= warm_up:
            taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)
