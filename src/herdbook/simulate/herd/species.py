"""What sets species apart: budgets and bouts. Which behaviours there are is the ethogram's, not ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Figures:
    """A species' figures. ``upright``: what is done between two lying runs, each with how often and how long it is done
    against the others; ``lying_bout_s`` and ``upright_bout_s`` are mean seconds over all of a kind.
    """

    ethogram_id: str
    lying_share: float
    upright: Mapping[str, tuple[float, float]]
    lying_bout_s: float
    upright_bout_s: float
    first_age_days: int
    """Age at which an animal comes."""
    first_kg: float
    """Weight with which it comes."""
    gain_kg: float
    """A day."""
    grown_kg: float
    """Weight at which it stops."""


# Lying: pigs of 30 to 100 kg lay 84 to 88 % of the day in a roomy pen (Ekkel et al. 2003, Appl Anim Behav Sci 80:19-30,
# scans every 20 minutes); 80 % is a choice below it that leaves shifts room up to 1. Calves' 75 % and all other figures
# are choices, too; they give about 60 bouts a day.
SPECIES: dict[str, Figures] = {
    "pig": Figures(
        ethogram_id="pig-9",
        lying_share=0.80,
        upright={
            "standing": (0.25, 1.0),
            "walking": (0.16, 0.4),
            "eating": (0.2, 1.8),
            "drinking": (0.08, 0.3),
            "investigating": (0.2, 1.2),
            "social": (0.06, 0.6),
            "sitting": (0.05, 1.3),
        },
        lying_bout_s=4200.0,
        upright_bout_s=800.0,
        first_age_days=70,
        first_kg=28.0,
        gain_kg=0.85,
        grown_kg=240.0,
    ),
    "calf": Figures(
        ethogram_id="calf-8",
        lying_share=0.75,
        upright={
            "standing": (0.35, 1.0),
            "walking": (0.16, 0.4),
            "eating": (0.22, 1.8),
            "drinking": (0.07, 0.3),
            "investigating": (0.12, 1.2),
            "social": (0.08, 0.6),
        },
        lying_bout_s=4200.0,
        upright_bout_s=950.0,
        first_age_days=14,
        first_kg=45.0,
        gain_kg=0.8,
        grown_kg=650.0,
    ),
}
"""By the species of the plan."""


def lying_share(species: str, asked: float | None) -> float:
    """The mean lying share: what was asked for, or the species' own."""
    return SPECIES[species].lying_share if asked is None else asked
