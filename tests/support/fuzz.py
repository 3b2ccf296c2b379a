"""How many generated cases each kind of input gets: few in ``make test``, many in ``make fuzz``; and how many ran.

A test draws from `hypothesis` as ever, is marked with `cases`, and calls `ran` once per case.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings

from herdbook.errors import HerdbookError

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "herdbook")
NIGHTLY = PROFILE == "nightly"

COUNTED: Counter[str] = Counter()
"""Cases that ran in this process, by kind of input."""
BEGAN: dict[str, float] = {}
ENDED: dict[str, float] = {}

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


def cases(short: int, nightly: int) -> Callable[[F], F]:
    """Settings of a fuzzing test: so many examples in the short profile, and in the nightly one."""
    return settings(  # type: ignore[return-value]
        max_examples=nightly if NIGHTLY else short, deadline=None, suppress_health_check=list(HealthCheck)
    )


def ran(kind: str) -> None:
    """Count a case."""
    COUNTED[kind] += 1
    now = time.perf_counter()
    BEGAN.setdefault(kind, now)
    ENDED[kind] = now


def refused_or(read: Callable[[], T]) -> T | None:
    """What reading gives; none where it is refused as a person can understand it: one of our errors, in one line of
    characters that a terminal takes. Anything else that is raised fails the test."""
    try:
        return read()
    except HerdbookError as error:
        refusal = error
    assert type(refusal) is not HerdbookError, "a fault of ours"
    refusal.message.encode("utf-8")
    assert "\n" not in refusal.message
    assert len(refusal.message) < 2_000
    return None


def report() -> list[str]:
    """What ran: one line per kind, and the sum."""
    if not COUNTED:
        return []
    lines = [f"| {kind} | {n:,} | {ENDED[kind] - BEGAN[kind]:.0f} |" for kind, n in sorted(COUNTED.items())]
    total = sum(COUNTED.values())
    return ["| input | cases | seconds |", "| --- | ---: | ---: |", *lines, f"| all | {total:,} | |"]
