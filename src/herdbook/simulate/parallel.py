"""Several devices at once, one process each; what they report comes together in the caller's process."""

from __future__ import annotations

import multiprocessing
import threading
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from herdbook.simulate.device_days import Progress, SimulatedDay, simulate_device
from herdbook.simulate.farm import Farm
from herdbook.simulate.opencv import opencv

_drawn: Any = None
"""Queue to the caller, in a worker."""


def simulate_devices(farm: Farm, out: Path, report: Progress, jobs: int) -> list[SimulatedDay]:
    """All devices of a farm, ``jobs`` at a time, in the farm's order."""
    context = multiprocessing.get_context("spawn")  # a fork would copy the caller's threads in an unknown state
    drawn = context.SimpleQueue()
    listener = threading.Thread(target=_listen, args=(drawn, report), daemon=True)
    listener.start()
    with ProcessPoolExecutor(min(jobs, len(farm.devices)), context, _start_worker, (drawn,)) as pool:
        waiting = [pool.submit(_work, farm, device_id, out) for device_id in farm.devices]
        try:
            return [done for future in waiting for done in future.result()]
        finally:
            for future in waiting:
                future.cancel()
            drawn.put(None)
            listener.join()


def _listen(drawn: Any, report: Progress) -> None:
    while (frames := drawn.get()) is not None:
        report(frames)


def _start_worker(drawn: Any) -> None:
    global _drawn  # noqa: PLW0603 - a process pool has no other way to hand over a queue
    _drawn = drawn
    opencv().setNumThreads(1)  # the processes are the parallelism


def _work(farm: Farm, device_id: str, out: Path) -> list[SimulatedDay]:
    return list(simulate_device(farm, device_id, out, _drawn.put))
