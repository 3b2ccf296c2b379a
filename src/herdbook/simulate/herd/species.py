"""What sets species apart: budgets and bouts. Which behaviours there are is the ethogram's, not ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Figures:
    """A species' figures. ``upright`` holds inclinations to what is done between two lying runs; bouts in seconds."""

    ethogram_id: str
    lying_share: float
    upright: Mapping[str, float]
    lying_bout_s: float
    upright_bout_s: float
    first_age_days: int
    """Age at which an animal comes."""


# Lying: pigs of 30 to 100 kg lay 84 to 88 % of the day in a roomy pen (Ekkel et al. 2003, Appl Anim Behav Sci 80:19-30, by
# 20-minute scans); 80 % leaves time for sitting, which that study counts apart. Calves: about 18 of 24 hours. The other
# figures are choices that give about 60 bouts a day.
SPECIES: dict[str, Figures] = {
    "pig": Figures(
        ethogram_id="pig-9",
        lying_share=0.80,
        upright={
            "standing": 0.25,
            "walking": 0.16,
            "eating": 0.2,
            "drinking": 0.08,
            "investigating": 0.2,
            "social": 0.06,
            "sitting": 0.05,
        },
        lying_bout_s=4200.0,
        upright_bout_s=620.0,
        first_age_days=70,
    ),
    "calf": Figures(
        ethogram_id="calf-8",
        lying_share=0.75,
        upright={
            "standing": 0.35,
            "walking": 0.16,
            "eating": 0.22,
            "drinking": 0.07,
            "investigating": 0.12,
            "social": 0.08,
        },
        lying_bout_s=4200.0,
        upright_bout_s=760.0,
        first_age_days=14,
    ),
}
"""By the species of the plan."""


def lying_share(species: str, asked: float | None) -> float:
    """The mean lying share: what was asked for, or the species' own."""
    return SPECIES[species].lying_share if asked is None else asked
