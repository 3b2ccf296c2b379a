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


class _Stopped(Exception):  # noqa: N818 - ends a worker whose caller has already raised
    """The caller was interrupted."""


_caller: dict[str, Any] = {}
"""In a worker: ``drawn``, a queue of frame counts to the caller, and ``stop``, an event that it sets."""


def simulate_devices(farm: Farm, out: Path, report: Progress, jobs: int) -> list[SimulatedDay]:
    """All devices of a farm, ``jobs`` at a time, in the farm's order."""
    context = multiprocessing.get_context("spawn")  # a fork would copy the caller's threads in an unknown state
    drawn, stop = context.SimpleQueue(), context.Event()
    listener = threading.Thread(target=_listen, args=(drawn, report), daemon=True)
    listener.start()
    with ProcessPoolExecutor(min(jobs, len(farm.devices)), context, _start_worker, (drawn, stop)) as pool:
        waiting = [pool.submit(_work, farm, device_id, out) for device_id in farm.devices]
        try:
            return [done for future in waiting for done in future.result()]
        except BaseException:
            stop.set()  # so that leaving the pool does not wait for whole devices
            for future in waiting:
                future.cancel()
            raise
        finally:
            drawn.put(None)
            listener.join()


def _listen(drawn: Any, report: Progress) -> None:
    while (frames := drawn.get()) is not None:
        report(frames)


def _start_worker(drawn: Any, stop: Any) -> None:
    _caller.update(drawn=drawn, stop=stop)
    opencv().setNumThreads(1)  # the processes are the parallelism


def _work(farm: Farm, device_id: str, out: Path) -> list[SimulatedDay]:
    return list(simulate_device(farm, device_id, out, _report))


def _report(frames: int) -> None:
    if _caller["stop"].is_set():
        raise _Stopped
    _caller["drawn"].put(frames)
