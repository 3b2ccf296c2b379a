"""Coats of herds in which animals look alike: families of one colour, told apart by small marks if at all."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from herdbook.simulate.coats import SPRAYS, Coat, Colour, Pattern
from herdbook.simulate.stage.species import Species

# Base, second colour, pattern, and the share of the body that the second colour covers.
_BREEDS: dict[str, tuple[tuple[Colour, Colour, Pattern, float], ...]] = {
    "pig": (
        ((214, 168, 152), (96, 84, 84), Pattern.SPOTS, 0.02),  # Large White: pink, hardly a spot
        ((206, 160, 142), (52, 48, 50), Pattern.SPOTS, 0.22),  # Piétrain
        ((158, 92, 56), (122, 68, 42), Pattern.SPOTS, 0.08),  # Duroc
        ((48, 44, 46), (206, 190, 178), Pattern.SADDLE, 0.2),  # Hampshire
        ((196, 150, 130), (70, 62, 62), Pattern.HALF, 0.3),
    ),
    "calf": (
        ((34, 32, 34), (224, 220, 212), Pattern.SPOTS, 0.45),  # Holstein
        ((126, 66, 40), (222, 214, 202), Pattern.SPOTS, 0.35),  # red Holstein
        ((150, 112, 76), (112, 82, 58), Pattern.SPOTS, 0.10),  # Jersey
        ((212, 196, 166), (196, 176, 146), Pattern.PLAIN, 0.0),  # Charolais
    ),
}
_SIBLING_SPREAD = 5.0
"""Standard deviation of a coat's colour within a family, grey levels."""


class Hide(Coat):
    """A coat of a family; ``spray`` counts only where the animal is ``sprayed``."""

    family: int = Field(ge=0)
    sprayed: bool
    share: float = Field(ge=0, le=1)
    """Of the body in the second colour."""


def draw_hides(species: Species, n: int, families: int, marked: float, rng: np.random.Generator) -> list[Hide]:
    """Coats for the animals of one pen, dealt to so many families."""
    breeds = _BREEDS[species.name]
    kinds = [breeds[int(k)] for k in rng.integers(len(breeds), size=families)]
    hides = []
    for i in range(n):
        base, second, pattern, share = kinds[i % families]
        tint = rng.normal(0, _SIBLING_SPREAD) + rng.normal(0, _SIBLING_SPREAD / 3, 3)
        near = np.clip(np.array(base) + tint, 8, 245)
        hides.append(
            Hide(
                base=(int(near[0]), int(near[1]), int(near[2])),
                second=second,
                pattern=pattern,
                spray=SPRAYS[int(rng.integers(len(SPRAYS)))],
                spray_at=round(float(rng.uniform(-0.7, 0.3)), 3),
                seed=int(rng.integers(2**31)),
                family=i % families,
                sprayed=bool(rng.random() < marked),
                share=round(float(np.clip(share * rng.uniform(0.6, 1.4), 0, 1)), 3),
            )
        )
    return hides
