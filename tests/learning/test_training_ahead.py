"""Batches are made one ahead, in order."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest

from herdbook.learning.training.ahead import made_ahead


def test_in_order_and_none_is_lost() -> None:
    assert list(made_ahead(lambda n: n * n, range(50))) == [n * n for n in range(50)]
    assert list(made_ahead(lambda n: n, [])) == []


def test_the_next_is_made_while_one_is_used() -> None:
    begun = {n: threading.Event() for n in range(3)}

    def make(number: int) -> int:
        begun[number].set()
        return number

    with closing(made_ahead(make, range(3))) as batches:
        assert next(batches) == 0
        assert begun[1].wait(10)
        assert not begun[2].wait(0.2)


def test_what_goes_wrong_is_raised_in_its_place() -> None:
    batches = made_ahead(lambda n: 1 // (2 - n), range(4))
    assert [next(batches), next(batches)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(batches)


def test_leaving_early_ends_the_thread() -> None:
    with closing(made_ahead(lambda n: n, range(1000))) as batches:
        next(batches)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("batches")]
