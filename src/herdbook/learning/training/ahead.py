"""Batches made ahead: the next one while the last is learned from."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def made_ahead(make: Callable[[int], T], numbers: Iterable[int]) -> Generator[T]:
    """What ``make`` gives for each number, in order; one more than asked for is made meanwhile, in a thread.

    Close the iterator when leaving it early. What ``make`` raises is raised where its result would have come.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
        last: Future[T] | None = None
        for number in numbers:
            following = pool.submit(make, number)
            if last is not None:
                yield last.result()
            last = following
        if last is not None:
            yield last.result()
