"""A worker that does one task after another, as the DAGs' operator does them: a ``herdbook`` command under its keeper.

Run as ``python -m support.night_worker``: a line of JSON in is a task's arguments, a line out is how it ended, or what
the command says meanwhile. Kill it, and the keeper ends the command.
"""

from __future__ import annotations

import json
import resource
import sys
import time

from herdbook_airflow.command import Command


def main() -> None:
    """Work until there is nothing more to read."""
    for line in sys.stdin:
        begun, used = time.monotonic(), _used()
        outcome = Command(json.loads(line)).run(lambda said: _say({"says": said}))
        _say(
            {
                "code": outcome.code,
                "said": outcome.said,
                "rows": outcome.rows,
                "may_pass": outcome.may_pass,
                "wall_s": time.monotonic() - begun,
                "cpu_s": _used() - used,
            }
        )


def _used() -> float:
    """Processor seconds of the commands that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _say(what: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
