"""Run every benchmark, or those named: ``python -m benchmarks [NAME …]``.

Each module has ``run()``: rows of ``name``, ``ours``, ``baseline`` (both in ``unit``), ``ratio``, and ``aim`` if any.
Some run only when they are named: ``motion_hard``, ``student_hard`` (figures of models), ``streaming_memory``,
``herd_records``, ``alerts``, ``deviation``, ``rollout``, ``reid_storage`` and ``animal_day`` take minutes or more,
``study_table`` a minute, ``study_recovery`` hours, ``estimators`` needs R, ``full_size`` a GPU, ``hundred`` and
``readers`` PostgreSQL's server programs.
"""

from __future__ import annotations

import sys
from importlib import import_module

from herdbook.cli.output import console, print_rows

BENCHMARKS = ("pull", "load", "dag_overhead")
WHEN_NAMED = (
    "motion_hard",
    "student_hard",
    "streaming_memory",
    "herd_records",
    "estimators",
    "full_size",
    "rollout",
    "rollout_drift",
    "alerts",
    "study_recovery",
    "deviation",
    "reid_storage",
    "study_table",
    "animal_day",
    "hundred",
    "readers",
)


def main(names: list[str]) -> None:
    unknown = sorted(set(names) - {*BENCHMARKS, *WHEN_NAMED})
    if unknown:
        sys.exit(f"no benchmark named {', '.join(unknown)}; there are: {', '.join(BENCHMARKS + WHEN_NAMED)}")
    for name in names or BENCHMARKS:
        console.print(f"[bold]{name}[/]")
        print_rows(import_module(f"benchmarks.{name}").run(), as_json=False)


if __name__ == "__main__":
    main(sys.argv[1:])
