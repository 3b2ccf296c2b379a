"""What a checkup says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from herdbook.settings import Settings


class Verdict(StrEnum):
    """How a checkup ended. ``absent`` is fine: an optional part that is not installed or configured."""

    OK = "ok"
    ABSENT = "absent"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report."""

    name: str
    verdict: Verdict
    detail: str
    remedy: str = ""


Checkup = Callable[[Settings], Finding | Iterable[Finding]]
"""Looks at one thing. What it raises becomes a finding too."""
