"""Trains a line with accelerate as one of several processes, or as one with all their batches; prints its weights.

Run as ``two_processes.py FOLDER WHOLE``; the environment says which process it is.
"""

from __future__ import annotations

import json
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

PROCESSES = 2


class Line(nn.Module):
    """y = 3 x, and a part that no step asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.unused = nn.Linear(1, 1), nn.Linear(1, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"total": (self.layer(x) - 3 * x).square().mean()}


class LineTask:
    """Draws numbered batches; ``whole``: all that the processes of a step draw, as one."""

    def __init__(self, whole: bool) -> None:
        torch.manual_seed(4)
        self.module, self.whole = Line(), whole

    def arguments(self, draw: int) -> tuple[Any, ...]:
        draws = range(PROCESSES * draw, PROCESSES * (draw + 1)) if self.whole else [draw]
        return (torch.cat([torch.randn(8, 1, generator=torch.Generator().manual_seed(d)) for d in draws]),)

    def validate(self, module: nn.Module) -> Mapping[str, float]:
        assert isinstance(module, Line)
        return {"weight": float(module.layer.weight)}


if __name__ == "__main__":
    folder, whole = Path(sys.argv[1]), sys.argv[2] == "whole"
    schedule = Schedule(steps=20, learning_rate=0.05, warmup=3, validate_every=10, checkpoint_every=5, clip=1.0)
    trained = train(LineTask(whole), schedule, Checkpoints(folder, "a"), Curves(folder / "curves.jsonl"))
    said = {name: value.flatten().tolist() for name, value in trained.module.state_dict().items()}
    print(json.dumps({"weights": said, "judged": "weight" in trained.figures}))
