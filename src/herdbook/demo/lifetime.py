"""However the demo ends, by Ctrl-C too, what it started ends with it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def ends_with_us() -> Iterator[ExitStack]:
    """A stack that is closed at the end. SIGTERM and a closed terminal end us as Ctrl-C does; while the stack closes,
    none of them interrupts it.
    """
    before = {ending: signal.signal(ending, _interrupt) for ending in _ENDINGS}
    stack = ExitStack()
    try:
        yield stack
    finally:
        for ending in _ENDINGS:
            signal.signal(ending, signal.SIG_IGN)
        try:
            stack.close()
        finally:
            for ending, how in before.items():
                signal.signal(ending, how)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
