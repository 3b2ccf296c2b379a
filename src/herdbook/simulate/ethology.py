"""What pigs do and for how long: a semi-Markov process over the nine behaviours of ``pig-9`` with a day rhythm.

Bouts are gamma distributed (shape 2). Which behaviour follows depends on the one before, on the time of day and on
how lame the animal is. All figures are choices that give budgets and bouts of a believable order (about 70 % of the day
lying, meals of minutes, two peaks of activity), none is a finding.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from herdbook.simulate.plan import LamenessPlan

ETHOGRAM = "pig-9"
LYING = ("sleeping", "lying")
RESTING = (*LYING, "sitting")


@dataclass(frozen=True)
class BoutLength:
    """Mean, shortest and longest bout in seconds."""

    mean: float
    shortest: float
    longest: float


LENGTHS = {
    "sleeping": BoutLength(1500, 180, 7200),
    "lying": BoutLength(780, 60, 3600),
    "sitting": BoutLength(140, 20, 400),
    "standing": BoutLength(80, 10, 400),
    "eating": BoutLength(330, 45, 1200),
    "drinking": BoutLength(45, 12, 150),
    "investigating": BoutLength(120, 20, 700),
    "social": BoutLength(60, 10, 240),
}

# Inclination to each next upright behaviour by day; standing bridges them without a change of place.
UPRIGHT = {"eating": 0.8, "drinking": 0.5, "investigating": 2.0, "social": 0.8, "standing": 1.0}


@dataclass(frozen=True)
class Manners:
    """How the animals of a pen go about things: the roomy pen's by default."""

    inclinations: Mapping[str, float] = field(default_factory=lambda: UPRIGHT)
    tempo: float = 1.0
    """Factor on all bouts' mean length."""
    sitting: float = 1.0
    """Factor on the inclination to sit."""
    overlap_m: float = 0.03
    """How deep bodies may press into each other where they settle."""
    huddling: float = 0.5
    """Preference for a place close to others, per metre."""
    lively: bool = False
    """Investigating is a slow walk, nose to the floor; social contact reaches a pen-mate that stays for it."""


def activity(hour: float) -> float:
    """How awake the pen is at a local hour, 0..1: low at night, peaks about 08:30 and 16:30."""
    peaks = math.exp(-(((hour - 8.5) / 2.2) ** 2)) + math.exp(-(((hour - 16.5) / 2.8) ** 2))
    daylight = 1 / (1 + math.exp(-(hour - 6.0) * 2)) / (1 + math.exp((hour - 20.5) * 2))
    return min(1.0, 0.06 + 0.34 * daylight + 0.6 * min(peaks, 1.0) * daylight)


@dataclass(frozen=True)
class Temperament:
    """What sets an animal's habits apart: factors around 1 on appetite, liveliness and walking speed."""

    appetite: float = 1.0
    liveliness: float = 1.0
    pace: float = 1.0


@dataclass(frozen=True)
class Drive:
    """What an animal's next choice depends on: local hour, severity of lameness 0..1, and its temperament."""

    hour: float
    severity: float
    temperament: Temperament
    lameness: LamenessPlan
    manners: Manners = Manners()

    def scaled(self, factor: float) -> float:
        """A factor at full severity, taken down to the present severity."""
        return 1 + (factor - 1) * self.severity

    @property
    def wakefulness(self) -> float:
        """Activity of the hour as this animal shows it."""
        return min(1.0, activity(self.hour) * self.temperament.liveliness)


def next_behaviour(current: str, drive: Drive, rng: np.random.Generator) -> str:
    """The behaviour that follows; never ``walking``, which is how an animal gets where the next one happens."""
    weights = _after_resting(current, drive) if current in RESTING else _after_upright(current, drive)
    names = list(weights)
    p = np.array([weights[n] for n in names])
    return names[int(rng.choice(len(names), p=p / p.sum()))]


def _after_resting(current: str, drive: Drive) -> dict[str, float]:
    awake = drive.wakefulness
    rise = (0.05 + 0.95 * awake) / drive.scaled(drive.lameness.lie_down_factor)
    weights = {
        "sleeping": 1.3 - awake,
        "lying": 0.5,
        "sitting": 0.6 * rise * drive.manners.sitting,
        "standing": 1.6 * rise,
    }
    if current == "sitting":
        weights = {"lying": 0.6, "standing": 1.2 * rise}
    weights.pop(current, None)
    return weights


def _after_upright(current: str, drive: Drive) -> dict[str, float]:
    awake = drive.wakefulness
    weights = dict(drive.manners.inclinations)
    weights["eating"] *= drive.temperament.appetite * drive.scaled(drive.lameness.eating_factor)
    if current == "eating":
        weights["drinking"] *= 2.5
    weights.pop(current, None)
    weights["lying"] = (0.25 + 1.6 * (1 - awake)) * drive.scaled(drive.lameness.lie_down_factor)
    return weights


def bout_seconds(behaviour: str, drive: Drive, rng: np.random.Generator) -> float:
    """How long a bout lasts, seconds."""
    length = LENGTHS[behaviour]
    mean = length.mean * drive.manners.tempo
    if behaviour in LYING:
        mean *= drive.scaled(drive.lameness.lying_bout_factor) * (1.4 - 0.7 * drive.wakefulness)
    elif behaviour != "sitting":
        mean *= drive.scaled(drive.lameness.upright_bout_factor)
    return float(np.clip(rng.gamma(2.0, mean / 2.0), length.shortest, length.longest))


def walking_speed(drive: Drive, rng: np.random.Generator) -> float:
    """Speed of one walk, metres per second; about 0.45 when sound."""
    pace = 0.45 * drive.temperament.pace * drive.scaled(drive.lameness.speed_factor)
    return float(pace * np.clip(rng.lognormal(0.0, 0.2), 0.6, 1.7))
