"""What a sequence is, and by what it is sliced."""

from __future__ import annotations

from datetime import date
from typing import Annotated as Typed

import numpy as np
from pydantic import Field

from herdbook.contracts.camera import Contract
from herdbook.contracts.identifiers import Sha256, Slug
from herdbook.learning.formats.tracks import Tracks
from herdbook.learning.metrics.iou import iou_matrix

SLICES = ("farm", "species", "light", "condition", "severity", "crowding")
"""What figures are sliced by: attributes of `Sequence`."""
CROWDED = (0.1, 0.4)
"""Share of true boxes that overlap another from which a sequence is ``some`` or ``crowded``."""


class Sequence(Contract):
    """One clip, nested in a pen (its animals) and a farm."""

    sequence_id: Typed[str, Field(min_length=1, max_length=255)]
    farm: Slug
    pen: Slug
    camera: Slug
    day: date
    seconds: Typed[float, Field(gt=0)]
    species: str = "pig"
    light: str = "day"
    """``day`` or ``night``."""
    condition: str = "clear"
    """The worst of what stands between animals and picture, ``clear`` where nothing does."""
    severity: Typed[int, Field(ge=0)] = 0
    """Its grade; 0 is clear."""
    crowding: str = "apart"
    """``apart``, ``some`` or ``crowded``: see `crowding_of`."""
    truth_sha256: Sha256
    """Digest of clip and truth: equal sequences are equal to the byte."""

    def slice_of(self, by: str) -> str:
        """Which slice it belongs to."""
        return str(getattr(self, by))


def crowding_of(truth: Tracks) -> str:
    """How close animals are, by the share of true boxes that overlap another."""
    if not len(truth):
        return "apart"
    touching = 0
    cuts = np.flatnonzero(np.diff(truth.frames)) + 1
    for boxes in np.split(truth.boxes, cuts):
        touching += int(((iou_matrix(boxes, boxes) > 0).sum(axis=1) > 1).sum())
    share = touching / len(truth)
    return "apart" if share < CROWDED[0] else "some" if share < CROWDED[1] else "crowded"
