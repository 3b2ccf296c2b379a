"""What the stages of the SAM 3 path are told: ``align`` and ``substitute`` of ``params.yaml``."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from herdbook.contracts.camera import Contract
from herdbook.learning.training.params import Chance, Count, EncoderSize, Weight
from herdbook.learning.training.schedule import Schedule


class AlignmentTerms(Contract):
    """`herdnet.losses.AlignmentWeights`; a term with weight 0 is an arm without it."""

    direction: Weight = 1.0
    relations: Weight = 0.5
    magnitude: Weight = 0.25
    residual: Weight = 0.25
    ramp_begin: Chance = 0.1
    ramp_end: Chance = 0.4
    relation_tokens: Annotated[int, Field(ge=2)] = 256

    @model_validator(mode="after")
    def _ramps_up(self) -> Self:
        if self.ramp_begin > self.ramp_end:
            raise ValueError("a ramp begins before it ends")
        return self


class AlignParams(Contract):
    """Stage ``align``."""

    student: EncoderSize = EncoderSize()
    trunk_weights: str | None = None
    """As `DistilParams.trunk_weights`."""
    schedule: Schedule = Schedule(steps=40_000, batch=16, learning_rate=5e-4)
    losses: AlignmentTerms = AlignmentTerms()
    attention: Weight = 0.0
    """Optional arm: where activation is strong (`herdnet.intermediate.attention_transfer`)."""
    mirrored: bool = True
    """Half of all frames and their targets are turned over, left to right and top to bottom."""


class SubstituteParams(Contract):
    """Stage ``substitute``."""

    score: Annotated[float, Field(gt=0, lt=1)] | None = None
    """From which score on a mask is an animal; chosen on the validation side if none."""
    frames: Count = 48
    """Of the validation side, by which it is chosen."""
    clips: Count = 24
    """Of each side, at most, that the behaviour head learns from: each of their frames is looked at."""
    points_per_side: Annotated[int, Field(ge=2, le=64)] = 16
    key_frames: Count = 10
    """`herdbook.edge.perception.parameters.Sam3Parameters`; the release says them too."""
    device: Annotated[str, Field(pattern=r"^(cpu|cuda(:[0-9]+)?)$")] = "cpu"
    """Where the system runs here and on devices."""
