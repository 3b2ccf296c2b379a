"""``python -m herdbook.edge.activate.trial``: graphs run through ONNX Runtime in a process of their own.

An engine that crashes, or eats all memory, takes this process with it and nothing else. Told on stdin, answers on
stdout, both JSON.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from numpy.typing import NDArray
from pydantic import Field, ValidationError

from herdbook.contracts.camera import Contract
from herdbook.edge.activate.fixtures import Arrays, errors_of, latency_ms, read_check
from herdbook.edge.triton.repository import Tensor, Tensors
from herdbook.errors import EngineRefusedError, HerdbookError

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
            [sys.executable, "-m", "herdbook.edge.activate.trial"],
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


def main() -> int:
    """Answer the question on stdin."""
    import onnxruntime  # type: ignore[import-untyped]

    question = Question.model_validate_json(sys.stdin.read())
    checks = [read_check(role, path) for role, path in question.fixtures]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = question.threads, 1
    options.use_deterministic_compute = True
    options.log_severity_level = 4
    before = _resident_mib()
    sessions = {
        role: onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        for role, path in question.graphs.items()
    }

    def run(role: str, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        session = sessions[role]
        names = [entry.name for entry in session.get_outputs()]
        return dict(zip(names, session.run(names, dict(inputs)), strict=True))

    errors = errors_of(checks, run)
    latency = latency_ms(checks, run, warm_up=question.warm_up, runs=question.runs) if checks and question.runs else 0.0
    answer = Answer(
        inputs={role: _tensors(session.get_inputs()) for role, session in sessions.items()},
        outputs={role: _tensors(session.get_outputs()) for role, session in sessions.items()},
        errors=tuple(errors),
        latency_ms=latency,
        memory_mib=max(0.0, _resident_mib() - before),
    )
    sys.stdout.write(answer.model_dump_json())
    return 0


def _tensors(entries: Any) -> tuple[Tensor, ...]:
    return tuple(
        Tensor(name=e.name, kind=e.type, shape=tuple(n if isinstance(n, int) else None for n in e.shape))
        for e in entries
    )


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


if __name__ == "__main__":
    try:
        code = main()
    except HerdbookError as error:
        code = error.exit_code
        sys.stderr.write(f"{error.message}\n")
    except Exception as error:  # onnxruntime's own share no public root
        code = 1
        sys.stderr.write(f"{' '.join(str(error).split())[:300] or type(error).__name__}\n")
    sys.exit(code)
