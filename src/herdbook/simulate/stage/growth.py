"""What days do to animals: they grow, and they get dirty."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from herdbook.simulate.stage.plan import StagePlan
from herdbook.simulate.stage.species import SPECIES

if TYPE_CHECKING:
    from herdbook.simulate.farm import Animal

DIRT_PER_VISIT = 0.08
MOST_DIRT = 0.7


def grown(animal: Animal, stage: StagePlan, start_day: date, day: date) -> Animal:
    """The animal as it is on a day: weight grows evenly, lengths with its cube root."""
    days = (day - start_day).days
    weight = animal.weight_kg + SPECIES[stage.species].gain_kg * days
    scale = (weight / animal.weight_kg) ** (1 / 3)
    return animal.model_copy(
        update={
            "length_m": round(animal.length_m * scale, 3),
            "width_m": round(animal.width_m * scale, 3),
            "weight_kg": round(weight, 1),
        }
    )


def dirt(stage: StagePlan, start_day: date, day: date, rng: np.random.Generator) -> float:
    """Share of one animal's body that is dirty on a day."""
    visits = (day - start_day).days / stage.visit_every_days
    return float(np.clip((stage.dirt + DIRT_PER_VISIT * visits) * rng.uniform(0.4, 1.6), 0, MOST_DIRT))
