"""Several processes that train one network: this very command, started once per GPU; accelerate joins them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence

from herdbook.processes.background import free_ports

_RANK = "RANK"


def is_first() -> bool:
    """Whether this process judges, saves and puts the result down: the only one, or the first of several."""
    return int(os.environ.get(_RANK, "0")) == 0


def go_on_in(processes: int) -> None:
    """Do what this command was called for in so many processes, and exit as they do; nothing for one, or within them.

    The environment tells each who it is, by the names that `torch.distributed` reads.
    """
    if processes == 1 or _RANK in os.environ:
        return
    sys.stdout.flush()
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_ports(1)[0]), "WORLD_SIZE": str(processes)}
    command = [sys.executable, "-m", "herdbook", *sys.argv[1:]]
    started = [
        subprocess.Popen(command, env={**os.environ, **shared, _RANK: str(k), "LOCAL_RANK": str(k)})  # noqa: S603
        for k in range(processes)
    ]
    try:
        code = _wait(started)
    finally:
        for process in started:
            process.terminate()
            process.wait()
    sys.exit(code)


def _wait(started: Sequence[subprocess.Popen[bytes]]) -> int:
    """The first exit code that is none of success; the others would wait for that process for ever."""
    while True:
        codes = [process.poll() for process in started]
        failed = next((code for code in codes if code), None)
        if failed is not None or None not in codes:
            return failed or 0
        time.sleep(0.1)
