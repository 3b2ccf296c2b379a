"""Coming up after anything: a power cut, a crash, a damaged disk. The device ends with a working engine.

Only a release that is not what it was gives way. Where Triton does not come up or the disk is full, what is named stays
named; recorders then run its graphs themselves, as far as they can.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from herdbook.edge.activate.bring_up import OF_THE_MACHINE, bring_up, tidy, unload
from herdbook.edge.activate.place import Place, activating
from herdbook.edge.activate.state import Active, read_active, write_active
from herdbook.errors import DiskFullError, HerdbookError


def recover(place: Place) -> Active:
    """Make sure of what ``active.json`` names: that release, else the last good one, else the engine of device.yaml.

    Idempotent. Where another process is taking up a release right now, it is left alone, and what is named now is told.
    """
    with activating(place.root, wait=False) as mine:
        named = read_active(place.releases) or Active(since=datetime.now(UTC))
        if not mine:
            return named
        for part in place.built.glob(".*.part") if place.built.is_dir() else ():
            part.unlink(missing_ok=True)
        chosen = Active(since=datetime.now(UTC))
        for candidate in (named.now, named.previous):
            if candidate is None:
                continue
            try:
                bring_up(place, candidate)
            except OF_THE_MACHINE:
                pass
            except HerdbookError:
                unload(place, candidate)
                continue
            previous = named.previous if candidate == named.now else None
            since = named.since if candidate == named.now else chosen.since
            chosen = Active(now=candidate, previous=previous, since=since)
            break
        if named.now is not None and chosen != named:
            with suppress(DiskFullError):
                write_active(place.releases, chosen)
        tidy(place, chosen.now, chosen.previous)
        return chosen
