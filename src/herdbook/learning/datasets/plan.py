"""What is asked of a dataset. Every figure is a parameter with its reason beside it (docs/adr/0100 to 0102)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from herdbook.contracts.camera import Contract
from herdbook.contracts.identifiers import Slug

Share = Annotated[float, Field(ge=0, le=1)]


class Split(StrEnum):
    """The sides of a split."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class Crossing(StrEnum):
    """What becomes of clips that would link two sides."""

    REFUSE = "refuse"
    DROP = "drop"
    """They are left out: each side keeps some groups of animals on some days."""


class LightPlan(Contract):
    """Light told from pixels: grey where colours are missing (infrared), otherwise by the mean luma of ITU-R BT.601."""

    infrared_below: float = 4.0
    """Mean distance between the largest and smallest of R, G, B, 0..255."""
    night_below: float = 35.0
    dim_below: float = 60.0


def _shares() -> dict[Split, float]:
    return {Split.TRAIN: 0.7, Split.VALIDATION: 0.15, Split.TEST: 0.15}


class DatasetPlan(Contract):
    """All that building a dataset is told; the same plan and the same sources give the same dataset."""

    frames: Annotated[int, Field(ge=1)] = 2000
    """Quota of frames over all sides of the split."""
    bytes: Annotated[int, Field(ge=1)] = 2_000_000_000
    """Quota of stored frames."""
    every_s: Annotated[float, Field(gt=0)] | None = None
    """Look at a frame this often. None looks at key frames only, which decode many times faster."""
    seed: Annotated[int, Field(ge=0)] = 0
    shares: Annotated[dict[Split, Share], Field(default_factory=_shares)]
    crossing: Crossing = Crossing.REFUSE
    held_out: tuple[Slug, ...] = ()
    """Farms that are the test side, whole and alone: nobody learns from them (`herdbook learn leave-out`)."""
    near: Share = 0.004
    """Frames of a camera of which a smaller share of cells differs are the same for learning."""
    near_step: Annotated[float, Field(gt=0)] = 6.0
    """Grey levels by which a cell differs."""
    light: LightPlan = LightPlan()
    disagreement: Share = 0.15
    """From here on student and teacher count as disagreeing (IoU of their masks below 1 minus this)."""
    mask_people: bool = False
    """Blank people before anything is stored; frames that nobody examined for people are then left out."""
    keep_clips: bool = False
    """Freeze the clips too, with the labels of every frame: for windows of behaviour and for evaluation."""
    ethogram: Slug = "pig-9"

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if abs(sum(self.shares.values()) - 1) > 1e-6:
            raise ValueError("shares: they must add up to 1")
        if self.mask_people and self.keep_clips:
            raise ValueError("keep_clips: people are blanked in frames, not in clips; choose one of both")
        if self.shares.get(Split.TRAIN, 0) <= 0:
            raise ValueError("shares: train must be above 0")
        return self
