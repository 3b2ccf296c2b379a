"""Going back to the engine of device.yaml: nothing is fetched and nothing proved, for its code is this software."""

from __future__ import annotations

from datetime import UTC, datetime

from herdbook.contracts.assignment import Assignment
from herdbook.contracts.release import WITHOUT_NETWORKS
from herdbook.edge.activate import steps
from herdbook.edge.activate.bring_up import tidy, unload
from herdbook.edge.activate.place import Place, Told, activating, say_nothing
from herdbook.edge.activate.state import Active, read_active, write_active
from herdbook.edge.activate.switch import PATIENCE_S
from herdbook.edge.activate.using import DEVICE_YAML, uses, wait_until
from herdbook.edge.engines import make_engine
from herdbook.errors import ReleaseUnusableError


def is_own(place: Place, assignment: Assignment) -> bool:
    """Whether an assignment without files names the engine of this device.yaml, and that one needs no signed bytes."""
    own = place.config.release
    return own.release_id == assignment.release_id and own.engine == WITHOUT_NETWORKS


def begin_again(
    place: Place, assignment: Assignment, *, told: Told = say_nothing, patience_s: float = PATIENCE_S
) -> None:
    """Run the engine of device.yaml from now on; the release that ran is no longer one to fall back to.

    A crash at any point leaves either the release or device.yaml named by ``active.json``: both work.

    Args:
        assignment: one without files.
        told: each step, once it is done.
        patience_s: how long recorders are waited for.

    Raises:
        ReleaseUnusableError: device.yaml names another engine, or one with networks, which nobody signed.
        ConfigurationError, MissingDependencyError: its engine cannot be made.
        DiskFullError: no space is left.
    """
    if not is_own(place, assignment):
        raise ReleaseUnusableError(
            f"device.yaml names '{place.config.release.release_id}' of engine '{place.config.release.engine}': "
            f"there is no '{assignment.release_id}' without signed files to go back to"
        )
    make_engine(place.config)
    with activating(place.root, wait=True):
        active = read_active(place.releases) or Active(since=datetime.now(UTC))
        told(steps.SWITCHING)
        write_active(place.releases, Active(since=datetime.now(UTC)))
        told(steps.POINTED)

        def changed() -> bool:
            return all(version == DEVICE_YAML for use in uses(place.root) for version in use.cameras.values())

        # A recorder that needs longer keeps what it uses in memory; it goes when the server is started again.
        if wait_until(changed, patience_s):
            told(steps.CHANGED)
            for old in (active.now, active.previous):
                if old is not None:
                    unload(place, old)
            told(steps.UNLOADED)
        tidy(place)
        told(steps.CONFIRMED)
