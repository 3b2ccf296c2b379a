"""Which engine a release names."""

from __future__ import annotations

from pathlib import Path

from herdbook.edge.config import DeviceConfig
from herdbook.edge.perception.base import Perception
from herdbook.edge.perception.graph import Graphs
from herdbook.errors import ConfigurationError

PARAMETERS = {"motion": "motion", "compact": "compact", "sam3": "sam3"}
"""Engines, and the key of device.yaml with each one's parameters."""


def make_engine(config: DeviceConfig, graphs: Graphs | None = None) -> Perception:
    """A fresh engine for one camera.

    Args:
        config: names the release and its folder.
        graphs: where a learned release's networks are opened; by default the folder's files, in this process.

    Raises:
        ConfigurationError: there is no engine of that name, or the release is not one of its.
        MissingDependencyError: what the engine needs is not installed.
    """
    release = config.release
    if release.engine == "motion":
        from herdbook.edge.perception.appearance import DIMENSIONS
        from herdbook.edge.perception.motion import MotionEngine

        if release.dimensions != DIMENSIONS:
            raise ConfigurationError(
                f"release '{release.release_id}' says {release.dimensions} dimensions, the engine makes {DIMENSIONS}"
            )
        return MotionEngine(release, config.motion)
    if release.engine == "compact":
        from herdbook.edge.perception import compact

        return compact.make(release, _folder(config), config.compact, graphs=graphs)
    if release.engine == "sam3":
        from herdbook.edge.perception import sam3

        return sam3.make(release, _folder(config), config.sam3, graphs=graphs)
    raise ConfigurationError(
        f"there is no perception engine '{release.engine}'", f"Known are: {', '.join(PARAMETERS)}."
    )


def _folder(config: DeviceConfig) -> Path:
    if config.network is None:
        raise ConfigurationError(
            f"engine '{config.release.engine}' needs the folder of its release",
            "Name it in device.yaml: `network: path/of/the/folder`.",
        )
    return config.network
