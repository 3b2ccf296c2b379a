"""Boxes of one clip with what each animal did: the form in which truth and prediction meet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from herdbook.errors import UnknownClassError
from herdbook.learning.formats.tracks import Floats, Ints, Tracks

UNKNOWN = -1
"""Where nothing is said of an animal's behaviour."""


class Spell(NamedTuple):
    """One animal's behaviour from a second to a second (excluded), with its probability, 0..1."""

    name: str
    start: float
    end: float
    behaviour: str
    probability: float = 1.0


@dataclass(frozen=True, eq=False)
class Annotated:
    """Tracks of one clip, and per box (N,) when it is and what its animal does."""

    tracks: Tracks
    seconds: Floats
    """Since the clip's first frame."""
    behaviour: Ints
    """Index into the evaluation's classes; `UNKNOWN` where nothing is said."""
    probability: Floats
    """Of that behaviour, 0..1."""


def annotate(tracks: Tracks, fps: float, spells: Iterable[Spell], classes: Sequence[str]) -> Annotated:
    """Say of every box what its animal does.

    Args:
        tracks: boxes of the clip, frames from 1.
        fps: frames per second: frame n is (n - 1) / fps after the first.
        spells: behaviours by the animals' names in the tracks, in seconds since the first frame.
        classes: behaviours that count.

    Raises:
        UnknownClassError: a spell has a behaviour that is not among the classes.
    """
    known = {name: k for k, name in enumerate(classes)}
    seconds = (tracks.frames - 1) / fps
    behaviour = np.full(len(tracks), UNKNOWN, np.int64)
    probability = np.zeros(len(tracks))
    of: dict[str, list[Spell]] = {}
    for spell in spells:
        if spell.behaviour not in known:
            raise UnknownClassError(
                f"'{spell.behaviour}' of animal {spell.name} is no behaviour of this evaluation",
                f"Its ethograms know {', '.join(classes)}. Correct the label, or name the right ethogram.",
            )
        of.setdefault(spell.name, []).append(spell)
    for number, name in enumerate(tracks.names):
        mine = sorted(of.get(name, ()), key=lambda spell: spell.start)
        if not mine:
            continue
        rows = np.flatnonzero(tracks.ids == number)
        # A frame at the very start of a spell belongs to it, whatever the last bit of its time says.
        at = seconds[rows] + 1e-6
        which = np.searchsorted([spell.start for spell in mine], at, "right") - 1
        for row, k, moment in zip(rows, which, at, strict=True):
            if k >= 0 and moment < mine[k].end + 1e-6:
                behaviour[row], probability[row] = known[mine[k].behaviour], mine[k].probability
    return Annotated(tracks, seconds, behaviour, probability)
