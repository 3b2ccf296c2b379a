"""Which engine a release names."""

from __future__ import annotations

from herdbook.edge.config import DeviceConfig
from herdbook.edge.perception.base import Perception
from herdbook.errors import ConfigurationError


def make_engine(config: DeviceConfig) -> Perception:
    """A fresh engine for one camera.

    Raises:
        ConfigurationError: there is no engine of that name, or the release is not one of its.
    """
    release = config.release
    if release.engine != "motion":
        raise ConfigurationError(f"there is no perception engine '{release.engine}'", "Known is: motion.")
    from herdbook.edge.perception.appearance import DIMENSIONS
    from herdbook.edge.perception.motion import MotionEngine

    if release.dimensions != DIMENSIONS:
        raise ConfigurationError(
            f"release '{release.release_id}' says {release.dimensions} dimensions, the engine makes {DIMENSIONS}"
        )
    return MotionEngine(release, config.motion)
