"""Trying graphs in a process of their own (`herdbook.edge.proof.child`).

An engine that crashes, or eats all memory, takes that process with it and nothing else.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from herdbook.contracts.camera import Contract
from herdbook.edge.triton.repository import Tensor, Tensors
from herdbook.errors import EngineRefusedError

PATIENCE_S = 600.0


class Question(Contract):
    """What to try."""

    graphs: dict[str, Path]
    """By role."""
    fixtures: tuple[tuple[str, Path], ...] = ()
    """Role and file. Without any, graphs are only described."""
    threads: Annotated[int, Field(ge=1)] = 1
    warm_up: Annotated[int, Field(ge=0)] = 3
    runs: Annotated[int, Field(ge=0)] = 15
    """Passes that are timed; 0: none."""


class Answer(Contract):
    """What came of it."""

    inputs: dict[str, tuple[Tensor, ...]]
    outputs: dict[str, tuple[Tensor, ...]]
    errors: tuple[float | None, ...] = ()
    """One per fixture."""
    latency_ms: float = 0.0
    memory_mib: float = 0.0
    """By how much the process grew from before the graphs were opened until they had run."""

    @property
    def tensors(self) -> Tensors:
        """Inputs and outputs by role."""
        return {role: (self.inputs[role], self.outputs[role]) for role in self.inputs}


def try_graphs(question: Question) -> Answer:
    """Ask in a process of its own.

    Raises:
        EngineRefusedError: the graphs could not be run, or the process did not survive them.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", "herdbook.edge.proof.child"],
            input=question.model_dump_json(),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise EngineRefusedError(f"the engine had not answered after {PATIENCE_S:g} s") from error
    if done.returncode < 0:
        raise EngineRefusedError(f"the engine's process was ended by signal {-done.returncode}")
    try:
        return Answer.model_validate_json(done.stdout)
    except ValidationError as error:
        said = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise EngineRefusedError(f"the engine cannot be run: {said}"[:400]) from error
