"""What reports compare from day to day: an amount over the time in which it could be seen, and how to say it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """One measure of `animal_day`."""

    name: str
    amount: str
    observed: str
    """Columns of `animal_day`: the numerator, and its denominator in seconds."""
    title: str
    more: str
    less: str
    """What an animal did, in the past tense, with more or less of it."""
    unit: str
    scale: float
    """Amount per observed second times this is in the unit."""
    digits: int = 0

    def said(self, value: float) -> str:
        """A value per observed second, for people."""
        return f"{value * self.scale:.{self.digits}f}\N{NO-BREAK SPACE}{self.unit}"


MEASURES: tuple[Measure, ...] = (
    Measure("lying_share", "lying_s", "behaviour_s", "Lying", "lay more", "lay less", "%", 100),
    Measure("eating_share", "eating_s", "behaviour_s", "Eating", "ate for longer", "ate less", "%", 100, 1),
    Measure("drinking_share", "drinking_s", "behaviour_s", "Drinking", "drank for longer", "drank less", "%", 100, 1),
    Measure("activity", "distance_m", "distance_observed_s", "Moving", "moved more", "moved less", "m/h", 3600),
)
"""In the order of their plots."""
WALKING = Measure("walking_share", "walking_s", "behaviour_s", "Walking", "walked more", "walked less", "%", 100, 1)
"""Instead of the activity in metres, where no camera is calibrated."""
