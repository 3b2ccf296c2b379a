"""How many of a wave's devices must have proved."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from herdbook.fleet.rollout.policy import Gates


class Say(StrEnum):
    """What a gate says."""

    WAIT = "wait"
    PASS = "pass"  # noqa: S105 - no password
    STOP = "stop"


@dataclass(frozen=True)
class Word:
    """What a gate says, why, and the figures that it says it on."""

    say: Say
    why: str
    evidence: dict[str, Any]


def lower_bound(tried: int, failed: int, confidence: float) -> float:
    """Lower limit of a success share, one-sided and exact: the beta quantile of Clopper and Pearson (Biometrika 26,
    1934). 0 where none succeeded or none was tried.

    Args:
        tried: how many.
        failed: of those.
        confidence: within 0..1.
    """
    from scipy.special import betaincinv  # of the whole scipy.stats this is all, at a tenth of its import

    proved = tried - failed
    return float(betaincinv(proved, failed + 1, 1 - confidence)) if proved > 0 else 0.0


def certificates(gates: Gates, proved: int, failed: int, waiting: int) -> Word:
    """Whether enough devices proved. It stops as soon as those that are still waited for cannot turn it any more.

    Args:
        gates: what the policy asks.
        proved: devices that record with the release and hold its certificate.
        failed: devices that said so, or were silent for too long.
        waiting: devices of which neither is known yet.
    """
    tried = proved + failed + waiting
    counts = {"proved": proved, "failed": failed, "waiting": waiting}
    if tried < gates.all_below:
        if failed:
            return Word(Say.STOP, f"{failed} of {tried} failed; of fewer than {gates.all_below} none may", counts)
        if waiting:
            return Word(Say.WAIT, f"{proved} of {tried} proved", counts)
        return Word(Say.PASS, f"{proved} proved, none failed", counts)
    best = lower_bound(tried, failed, gates.confidence)
    evidence = counts | {"bound": round(best, 4), "least_share": gates.least_share, "confidence": gates.confidence}
    said = f"{failed} of {tried} failed: at least {best:.3f} prove (with confidence {gates.confidence:g})"
    if best < gates.least_share:
        return Word(Say.STOP, f"{said}, less than {gates.least_share:g}", evidence)
    if waiting:
        return Word(Say.WAIT, f"{proved} of {tried} proved, {failed} failed", evidence)
    return Word(Say.PASS, said, evidence)
