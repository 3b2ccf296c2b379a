"""Made-up sequences and tallies with known properties."""

from __future__ import annotations

from collections.abc import Sequence as Ordered
from datetime import date

import numpy as np
from sequences import Row, tracks

from herdbook.learning.evaluation.annotated import Annotated, Spell, annotate
from herdbook.learning.evaluation.sequences import Sequence
from herdbook.learning.evaluation.tally import empty
from herdbook.learning.formats import Tracks

CLASSES = ("lying", "standing", "walking")
FPS = 4.0


def sequence(name: str, farm: str = "farm-1", pen: str = "pen-1", **more: object) -> Sequence:
    """A sequence of that name."""
    told = {"camera": f"{pen}-top", "day": date(2026, 3, 2), "seconds": 30.0, "truth_sha256": "0" * 64}
    return Sequence.model_validate(told | {"sequence_id": name, "farm": farm, "pen": pen} | more)


def nested(farms: int, pens: int, clips: int) -> list[Sequence]:
    """So many sequences in so many pens on so many farms."""
    return [
        sequence(f"f{f}-p{p}-c{c}", farm=f"farm-{f}", pen=f"pen-{p}")
        for f in range(farms)
        for p in range(pens)
        for c in range(clips)
    ]


def hits(right: float, boxes: float = 1.0) -> dict[str, np.ndarray]:
    """A tally whose recall is ``right / boxes``."""
    sums = empty(len(CLASSES))
    sums["truth_boxes"] += boxes
    sums["misses"] += boxes - right
    return sums


def seen(boxes: Ordered[Row] | Tracks, spells: Ordered[Spell] = ()) -> Annotated:
    """A clip's boxes with behaviours."""
    return annotate(boxes if isinstance(boxes, Tracks) else tracks(list(boxes)), FPS, spells, CLASSES)
