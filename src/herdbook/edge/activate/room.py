"""Room for a new engine: beside the old one where memory allows, in its place where it does not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from herdbook.edge.activate import steps
from herdbook.edge.activate.bring_up import bring_up, unload
from herdbook.edge.activate.memory import fits_beside
from herdbook.edge.activate.place import Place, Told
from herdbook.edge.activate.state import Installed
from herdbook.edge.activate.using import paused, uses, wait_until
from herdbook.errors import ActivationError


@contextmanager
def room(place: Place, needed_mib: float, old: Installed | None, told: Told, *, patience_s: float) -> Iterator[bool]:
    """Make room while the block runs; says whether the old engine had to go for it.

    Recorders keep gathering footage without an engine and look at it afterwards. If the block fails, the old engine is
    brought up again before they go on.

    Args:
        needed_mib: what the new engine may add.
        patience_s: how long recorders are waited for.

    Raises:
        ActivationError: a recorder does not let go of its engine.
    """
    if fits_beside(needed_mib, place.config.spare_memory_mib):
        yield False
        return
    with paused(place.root):
        if not wait_until(lambda: not any(use.cameras for use in uses(place.root)), patience_s):
            raise ActivationError(
                f"a recorder has not let go of its engine in {patience_s:g} s, and both do not fit in memory"
            )
        if old is not None:
            unload(place, old)
        told(steps.ROOM)
        try:
            yield True
        except BaseException:
            if old is not None:
                bring_up(place, old)
            raise
