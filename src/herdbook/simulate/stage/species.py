"""Species by their proportions, growth and small motions.

Sizes are of the order that handbooks give, none is a finding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from herdbook.simulate.ethology import Manners

Outline = tuple[tuple[float, float], ...]
"""Half width along a part, in half body widths."""


@dataclass(frozen=True, eq=False)
class Species:
    """One species.

    Along the body ``u`` is -1 at the tail, 1 at the snout of a straight animal; the head turns about ``neck``.
    """

    name: str
    ethogram_id: str
    age_days: tuple[int, int]
    length_m: tuple[float, float]
    width_share: tuple[float, float]
    """Width of the body over its length."""
    density: float
    """Kilograms per length times width squared, metres."""
    gain_kg: float
    """Per day."""
    breaths_per_minute: float
    neck: float
    torso: Outline
    """Over ``u``."""
    head: Outline
    """Over the head's own length: 0 at the neck, 1 at the snout."""
    ear: tuple[float, float, float, float]
    """Along and across the head, half length and half width, in head lengths and half body widths."""
    leg_m: tuple[float, float]
    """Length and radius of what is seen of a stretched leg."""
    asleep_on_side: float
    """Share of sleeping bouts flat on the side."""
    awake_on_side: float
    asleep_pose: Literal["flat", "tucked"]
    """How the head rests in sleep: on the floor, or back on the flank."""
    manners: Manners


# Lives are denser than real ones, so that clips of half a minute show every behaviour: a choice.
_PIG_MANNERS = Manners(
    inclinations={"eating": 0.75, "drinking": 2.0, "investigating": 1.6, "social": 2.2, "standing": 1.2},
    tempo=0.5,
    sitting=2.5,
    overlap_m=0.06,
    huddling=1.0,
    lively=True,
)
_CALF_MANNERS = Manners(
    inclinations={"eating": 0.8, "drinking": 1.8, "investigating": 1.6, "social": 2.0, "standing": 1.8},
    tempo=0.5,
    sitting=0.0,
    overlap_m=0.06,
    huddling=0.8,
    lively=True,
)

# Growing pigs: about 66 to 69 % of lying pigs are flat on their side at night (Ekkel et al. 2003, doi:10.1016/
# S0168-1591(02)00219-9); gain and breathing at rest are of the order of husbandry and veterinary handbooks.
PIG = Species(
    name="pig",
    ethogram_id="pig-9",
    age_days=(95, 125),
    length_m=(0.92, 1.14),
    width_share=(0.31, 0.36),
    density=600,
    gain_kg=0.85,
    breaths_per_minute=26,
    neck=0.46,
    torso=(
        (-1.0, 0.0), (-0.975, 0.42), (-0.90, 0.72), (-0.70, 0.95), (-0.25, 1.0), (0.12, 0.95), (0.34, 0.90),
        (0.48, 0.72), (0.58, 0.52), (0.66, 0.0),
    ),
    head=((-0.35, 0.40), (-0.1, 0.58), (0.2, 0.56), (0.45, 0.43), (0.7, 0.31), (0.94, 0.27), (1.0, 0.16)),
    ear=(0.10, 0.52, 0.26, 0.20),
    leg_m=(0.22, 0.032),
    asleep_on_side=0.75,
    awake_on_side=0.20,
    asleep_pose="flat",
    manners=_PIG_MANNERS,
)  # fmt: skip

# Calves: awake in 81 % of epochs with the head up and moving, asleep with the neck relaxed (Hänninen et al. 2008,
# doi:10.1016/j.applanim.2007.06.009). They do not sit like dogs, so their ethogram has no sitting.
CALF = Species(
    name="calf",
    ethogram_id="calf-8",
    age_days=(60, 100),
    length_m=(1.30, 1.52),
    width_share=(0.25, 0.28),
    density=560,
    gain_kg=0.9,
    breaths_per_minute=32,
    neck=0.36,
    torso=(
        (-1.0, 0.0), (-0.985, 0.35), (-0.93, 0.66), (-0.82, 0.92), (-0.70, 1.0), (-0.55, 0.84), (-0.25, 0.98),
        (0.0, 0.92), (0.18, 0.82), (0.30, 0.62), (0.42, 0.42), (0.56, 0.34), (0.64, 0.0),
    ),
    head=((-0.45, 0.34), (-0.2, 0.36), (0.1, 0.40), (0.32, 0.46), (0.55, 0.36), (0.8, 0.30), (0.94, 0.30), (1.0, 0.18)),
    ear=(0.18, 0.72, 0.10, 0.30),
    leg_m=(0.30, 0.030),
    asleep_on_side=0.12,
    awake_on_side=0.04,
    asleep_pose="tucked",
    manners=_CALF_MANNERS,
)  # fmt: skip

SPECIES = {species.name: species for species in (PIG, CALF)}
