"""``python -m herdbook.edge.proof.child``: graphs run through ONNX Runtime in a process of their own.

Asked on stdin, answers on stdout, both JSON: `herdbook.edge.activate.trial` says what is in them.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnxruntime  # type: ignore[import-untyped]
from numpy.typing import NDArray

from herdbook.edge.proof.fixtures import Arrays, errors_of, latency_ms, read_check
from herdbook.errors import HerdbookError


def main() -> None:
    """Answer the question on stdin."""
    question = json.load(sys.stdin)
    checks = [read_check(role, Path(path)) for role, path in question["fixtures"]]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = question["threads"], 1
    options.use_deterministic_compute = True
    options.log_severity_level = 4
    before = _resident_mib()
    sessions = {
        role: onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        for role, path in question["graphs"].items()
    }

    def run(role: str, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        session = sessions[role]
        names = [entry.name for entry in session.get_outputs()]
        return dict(zip(names, session.run(names, dict(inputs)), strict=True))

    errors = errors_of(checks, run)
    times = bool(checks) and question["runs"] > 0
    answer = {
        "inputs": {role: _tensors(session.get_inputs()) for role, session in sessions.items()},
        "outputs": {role: _tensors(session.get_outputs()) for role, session in sessions.items()},
        "errors": errors,
        "latency_ms": latency_ms(checks, run, warm_up=question["warm_up"], runs=question["runs"]) if times else 0.0,
        "memory_mib": max(0.0, _resident_mib() - before),
    }
    json.dump(answer, sys.stdout)


def _tensors(entries: Any) -> list[dict[str, Any]]:
    return [
        {"name": e.name, "kind": e.type, "shape": [n if isinstance(n, int) else None for n in e.shape]} for e in entries
    ]


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


if __name__ == "__main__":
    try:
        main()
    except HerdbookError as error:
        sys.exit(error.message)
    except Exception as error:  # onnxruntime's own share no public root
        sys.exit(" ".join(str(error).split())[:300] or type(error).__name__)
