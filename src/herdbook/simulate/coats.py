"""Coats: what tells animals apart from above. Base colour, pattern and stock-marker spray, as on real farms.

Within a pen no two animals share base and spray, so that a colour histogram of the body can tell them apart.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from pydantic import Field

from herdbook.contracts.camera import Contract

Colour = tuple[int, int, int]
"""Red, green, blue, 0..255."""

# None is near the floor (`scene.FLOOR`) in lightness, so that subtraction sees every animal.
BASES: tuple[Colour, ...] = (
    (226, 172, 158),  # pink
    (36, 34, 36),  # black
    (196, 104, 48),  # ginger
    (232, 226, 214),  # white
    (126, 142, 168),  # blue roan
    (216, 184, 112),  # sand
)
SPRAYS: tuple[Colour, ...] = (
    (30, 80, 220),  # blue
    (220, 30, 40),  # red
    (30, 170, 70),  # green
    (140, 50, 180),  # violet
    (240, 210, 30),  # yellow
    (20, 190, 200),  # turquoise
)


class Pattern(StrEnum):
    """How the second colour lies on the first."""

    PLAIN = "plain"
    SPOTS = "spots"
    SADDLE = "saddle"
    HALF = "half"


class Coat(Contract):
    """One animal's coat."""

    base: Colour
    second: Colour
    pattern: Pattern
    spray: Colour
    spray_at: float = Field(ge=-1, le=1)
    """Where along the back the spray mark lies: -1 tail, 1 snout."""
    seed: int = Field(ge=0)
    """Places the spots."""


def draw_coats(n: int, rng: np.random.Generator) -> list[Coat]:
    """Coats for the animals of one pen, as different as they can be."""
    bases, sprays = rng.permutation(len(BASES)), rng.permutation(len(SPRAYS))
    patterns = rng.permutation(list(Pattern))
    coats = []
    for i in range(n):
        turn = i // len(BASES)  # base colours come again: with another spray and another pattern
        base = BASES[bases[i % len(BASES)]]
        dark = sum(base) < 300
        coats.append(
            Coat(
                base=base,
                second=(222, 214, 204) if dark else (44, 38, 36),
                pattern=Pattern(patterns[(i + turn) % len(patterns)]),
                spray=SPRAYS[sprays[(i + turn * 3) % len(SPRAYS)]],
                spray_at=round(float(rng.uniform(-0.4, 0.3)), 3),
                seed=int(rng.integers(2**31)),
            )
        )
    return coats
