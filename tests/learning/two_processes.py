"""Trains a small network with accelerate as one of several processes or alone; prints its weights and what it drew.

Run as ``two_processes.py FOLDER [LAST]``; the environment says which process it is. Batches from number ``LAST`` on end
the process at once.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from herdbook.learning.training.checkpoint import Checkpoints
from herdbook.learning.training.curves import Curves
from herdbook.learning.training.loop import train
from herdbook.learning.training.schedule import Schedule

SCHEDULE = Schedule(
    steps=20, batches=4, learning_rate=0.05, warmup=3, validate_every=10, checkpoint_every=5, clip=1.0, average=5
)


class Line(nn.Module):
    """A plane with batch normalisation and dropout, a number that is no weight, and a part that no step asks for."""

    def __init__(self) -> None:
        super().__init__()
        # A bias before normalisation has no gradient but rounding's, which AdamW would make as large as any.
        self.layers = nn.Sequential(nn.Linear(3, 8, bias=False), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Linear(8, 1))
        self.register_buffer("constant", torch.tensor(0.1))
        self.unused = nn.Linear(1, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"total": (self.layers(x) - x.sum(1, keepdim=True)).square().mean()}


class LineTask:
    """Draws numbered batches, and remembers which."""

    def __init__(self, last: int) -> None:
        torch.manual_seed(4)
        self.module, self.last, self.drawn = Line(), last, list[int]()

    def arguments(self, draw: int) -> tuple[Any, ...]:
        if draw >= self.last:
            os._exit(3)
        self.drawn.append(draw)
        return (torch.randn(8, 3, generator=torch.Generator().manual_seed(draw)),)

    def validate(self, module: nn.Module) -> Mapping[str, float]:
        assert isinstance(module, Line)
        return {"weight": float(module.layers[0].weight.sum())}


if __name__ == "__main__":
    folder, last = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1 << 30
    task = LineTask(last)
    trained = train(task, SCHEDULE, Checkpoints(folder, "a"), Curves(folder / "curves.jsonl"))
    said = {name: value.flatten().tolist() for name, value in trained.module.state_dict().items()}
    print(json.dumps({"weights": said, "judged": "weight" in trained.figures, "drawn": task.drawn}))
