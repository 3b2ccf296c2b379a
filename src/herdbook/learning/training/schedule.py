"""How long and how fast a network learns: typed, from ``params.yaml``."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from herdbook.contracts.camera import Contract


class Schedule(Contract):
    """AdamW with a warm-up and a cosine, counted in steps so that a run means the same on any machine."""

    steps: Annotated[int, Field(ge=1)]
    batch: Annotated[int, Field(ge=1)] = 8
    """Frames, crops or windows in a batch."""
    batches: Annotated[int, Field(ge=1)] | None = None
    """Batches that a step learns from, shared among its processes; as many as processes where it is not said."""
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 3e-3
    warmup: Annotated[int, Field(ge=0)] = 100
    """Steps."""
    weight_decay: Annotated[float, Field(ge=0, lt=1)] = 0.02
    clip: Annotated[float, Field(gt=0)] = 5.0
    """Largest norm of the gradient."""
    average: Annotated[int, Field(ge=1)] = 50
    """Horizon in steps of the running mean of weights that is judged and kept."""
    validate_every: Annotated[int, Field(ge=1)] = 400
    checkpoint_every: Annotated[int, Field(ge=1)] = 100
    precision: Literal["no", "bf16", "fp16"] = "no"
    """Mixed precision, as accelerate names it."""
    processes: Annotated[int, Field(ge=1)] = 1
    """One per GPU. With ``batches`` given, their number changes how long it takes and nothing else."""
    seed: Annotated[int, Field(ge=0)] = 0
    shares: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    """Parts of the module, by how their names begin, that learn at a share of the rate. At 0 they stay as they are, and
    so do the means and variances that they have counted. Of two beginnings the longer counts."""

    def share_of(self, name: str) -> float:
        """The share of the rate at which a part or parameter learns, 0..1."""
        begun = [part for part in self.shares if f"{name}.".startswith(f"{part}.")]
        return self.shares[max(begun, key=len)] if begun else 1.0

    @property
    def draws(self) -> int:
        """Batches that a step learns from."""
        return self.batches or self.processes

    def step_of(self, draw: int) -> int:
        """The step that a draw is for."""
        return draw // self.draws

    def rate(self, step: int) -> float:
        """The learning rate of a step, from 0."""
        begun = min(1.0, (step + 1) / (self.warmup + 1))
        return self.learning_rate * begun * 0.5 * (1 + math.cos(math.pi * self.progress(step)))

    def progress(self, step: int) -> float:
        """The fraction that is done before a step, 0..1."""
        return step / self.steps
