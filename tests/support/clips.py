"""Clips read by two releases, drawn by chance: what the gate of drift is measured on."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from herdbook.contracts.activation import ClipDrift, Reading
from support.rollouts import clip

BEHAVIOURS = {"lying": 0.76, "standing": 0.12, "eating": 0.06, "walking": 0.03, "drinking": 0.02, "exploring": 0.01}
"""Mean shares of time in a pen of fattening pigs by day."""
SECONDS = 60.0


@dataclass(frozen=True)
class Noise:
    """How far two readings of one clip are apart.

    ``flip``: share of an animal's time that a reading assigns to another behaviour by mistake, in bouts of some
    seconds; ``animals`` and ``identities``: factors of the new reading; ``all_lying``: the broken model.
    """

    flip: float = 0.06
    animals: float = 1.0
    identities: float = 1.0
    all_lying: bool = False


def read_twice(random: Random, clips: int, noise: Noise) -> list[ClipDrift]:
    """Clips of pens that differ (Dirichlet about the mean shares), each read twice with mistakes of its own."""
    made = []
    for number in range(clips):
        weights = {name: random.gammavariate(8 * share, 1) + 1e-6 for name, share in BEHAVIOURS.items()}
        total = sum(weights.values())
        truth = {name: weight / total for name, weight in weights.items()}
        animals = random.uniform(6, 14)
        old = _reading(random, truth, animals, noise, new=False)
        made.append(clip(number, old, _reading(random, truth, animals, noise, new=True), SECONDS))
    return made


def _reading(random: Random, truth: dict[str, float], animals: float, noise: Noise, *, new: bool) -> Reading:
    """One reading: some of the time is mistaken, some animals are missed, tracks break."""
    factor = noise.animals if new else 1.0
    seen = animals * min(1.0, max(0.3, random.gauss(0.96, 0.02))) * factor
    names = list(truth)
    shares = {name: share * (1 - noise.flip) for name, share in truth.items()}
    bouts = 12
    for _ in range(bouts):
        shares[random.choice(names)] += noise.flip / bouts
    if new and noise.all_lying:
        shares = {"lying": 1.0}
    groups = max(1, round(animals * random.gauss(1.0, 0.08) * (noise.identities if new else 1.0)))
    total = SECONDS * seen
    return Reading(
        tracklets=groups + random.randint(0, 4),
        animal_s=total,
        behaviour_s={name: share * total for name, share in shares.items()},
        identities=groups,
    )
