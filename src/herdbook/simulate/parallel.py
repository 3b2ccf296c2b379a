"""Several pieces of work at once, one process each; what they report comes together in the caller's process."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Protocol, TypeVar

from herdbook.simulate.opencv import opencv

Report = Callable[[int], None]
"""Called with numbers of frames, or of whatever the work counts."""
_T_co = TypeVar("_T_co", covariant=True)


class Work(Protocol[_T_co]):
    """A function of a module, so that other processes find it; its last argument takes numbers of what is done."""

    def __call__(self, *arguments: Any) -> _T_co: ...


class _Stopped(Exception):  # noqa: N818 - ends a worker whose caller has already raised
    """The caller was interrupted."""


_caller: dict[str, Any] = {}
"""In a worker: ``drawn``, a queue of frame counts to the caller, and ``stop``, an event that it sets."""


def side_by_side(
    work: Work[_T_co], tasks: Sequence[tuple[Any, ...]], report: Report, jobs: int, *, pictures: bool = True
) -> list[_T_co]:
    """``work(*task, report)`` of every task, ``jobs`` at a time, in the tasks' order; ``pictures``: it needs OpenCV."""
    context = multiprocessing.get_context("spawn")  # a fork would copy the caller's threads in an unknown state
    drawn, stop = context.SimpleQueue(), context.Event()
    listener = threading.Thread(target=_listen, args=(drawn, report), daemon=True)
    listener.start()
    with ProcessPoolExecutor(min(jobs, len(tasks)), context, _start_worker, (drawn, stop, pictures)) as pool:
        waiting = [pool.submit(_work, work, task) for task in tasks]
        try:
            return [future.result() for future in waiting]
        except BaseException:
            stop.set()  # so that leaving the pool does not wait for whole tasks
            for future in waiting:
                future.cancel()
            raise
        finally:
            drawn.put(None)
            listener.join()


def _listen(drawn: Any, report: Report) -> None:
    while (frames := drawn.get()) is not None:
        report(frames)


def _start_worker(drawn: Any, stop: Any, pictures: bool) -> None:
    _caller.update(drawn=drawn, stop=stop)
    if pictures:
        opencv().setNumThreads(1)  # the processes are the parallelism


def _work(work: Work[_T_co], task: tuple[Any, ...]) -> _T_co:
    return work(*task, _report)


def _report(frames: int) -> None:
    if _caller["stop"].is_set():
        raise _Stopped
    _caller["drawn"].put(frames)
