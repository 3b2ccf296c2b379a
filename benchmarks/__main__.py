"""Run every benchmark, or those named: ``python -m benchmarks [pull load dag_overhead]``.

Each module has ``run()``: rows of ``name``, ``ours``, ``baseline`` (both in ``unit``), ``ratio``, and ``aim`` if any.
"""

from __future__ import annotations

import sys
from importlib import import_module

from herdbook.cli.output import console, print_rows

BENCHMARKS = ("pull", "load", "dag_overhead")


def main(names: list[str]) -> None:
    unknown = sorted(set(names) - set(BENCHMARKS))
    if unknown:
        sys.exit(f"no benchmark named {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}")
    for name in names or BENCHMARKS:
        console.print(f"[bold]{name}[/]")
        print_rows(import_module(f"benchmarks.{name}").run(), as_json=False)


if __name__ == "__main__":
    main(sys.argv[1:])
