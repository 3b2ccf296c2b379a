"""Which engine each camera of a recorder uses: the active release's, or device.yaml's. It changes between clips."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from herdbook.contracts.device_day import ReleaseUse
from herdbook.contracts.validation import first_problem
from herdbook.edge.activate.graphs import graphs_of
from herdbook.edge.activate.state import Installed, installed_now, read_active
from herdbook.edge.activate.using import DEVICE_YAML, Announcement, is_paused, wait_until
from herdbook.edge.config import DeviceConfig
from herdbook.edge.engines import make_engine
from herdbook.edge.perception.base import Perception
from herdbook.edge.perception.graph import Graphs
from herdbook.edge.perception.parameters import MotionParameters
from herdbook.edge.triton.host import TritonHost
from herdbook.errors import ConfigurationError, HerdbookError

_MOTION = "motion.json"
LONGEST_PAUSE_S = 3600.0
"""After this an engine is made again, whoever still asks for memory."""


class Engines:
    """The engines of one recorder. Cameras may ask from threads of their own.

    What a recorder uses is announced to whoever switches releases: see `herdbook.edge.activate.using`.
    """

    def __init__(self, config: DeviceConfig, root: Path, graphs: Graphs | None = None) -> None:
        """Prepare.

        Args:
            graphs: where the networks of device.yaml's release are opened, for who records with other ones.
        """
        self._config, self._root, self._graphs = config, root, graphs
        self._releases = root / "releases"
        self._host = TritonHost(root)
        self._announcement: Announcement | None = None
        self._versions: dict[str, int] = {}
        self._bad: set[int] = set()
        self._mutex = threading.Lock()
        self.used: list[ReleaseUse] = []
        """Releases that were opened, in order, each once."""

    @property
    def release(self) -> ReleaseUse:
        """What an engine made now would be of."""
        installed = installed_now(self._releases)
        return self._config.release if installed is None else installed.use

    def make(self, camera_id: str) -> Perception:
        """A fresh engine for a camera: of the active release, else the last good one, else of device.yaml.

        While engines are to go it is waited for.

        Raises:
            ConfigurationError: not even device.yaml's can be made.
            MissingDependencyError: what it needs is not installed.
        """
        if self.paused:
            self.wait(camera_id)
        active = read_active(self._releases)
        for installed in (active.now, active.previous) if active else ():
            if installed is None or installed.version in self._bad:
                continue
            try:
                engine = self._open(installed)
            except HerdbookError:
                self._refuse(installed.version)
                continue
            return self._uses(camera_id, installed.version, engine)
        return self._uses(camera_id, DEVICE_YAML, make_engine(self._config, self._graphs))

    def due(self, camera_id: str) -> bool:
        """Whether a camera's engine is to change, or to go for a while."""
        if is_paused(self._root):
            return True
        installed = installed_now(self._releases)
        wanted = DEVICE_YAML if installed is None else installed.version
        return wanted not in self._bad and wanted != self._versions.get(camera_id)

    def change(self, camera_id: str, engine: Perception) -> Perception:
        """The engine that a camera is to use from now on; its old one where the new cannot be opened."""
        installed = installed_now(self._releases)
        if installed is None:
            return self._uses(camera_id, DEVICE_YAML, make_engine(self._config, self._graphs))
        try:
            return self._uses(camera_id, installed.version, self._open(installed))
        except HerdbookError:
            self._refuse(installed.version)
            return engine

    @property
    def paused(self) -> bool:
        """Whether engines are to go, to make room for a new one."""
        return is_paused(self._root)

    def wait(self, camera_id: str) -> tuple[datetime, datetime]:
        """Say that a camera has no engine, and wait until it may have one again; from when until when that was."""
        began = datetime.now(UTC)
        self._versions.pop(camera_id, None)
        self._announce().says(camera_id, None)
        wait_until(lambda: not is_paused(self._root), LONGEST_PAUSE_S)
        return began, datetime.now(UTC)

    def leave(self, camera_id: str) -> None:
        """A camera is done with its engine."""
        if self._versions.pop(camera_id, None) is not None:
            self._announce().says(camera_id, None)

    def close(self) -> None:
        """The recorder ends; a Triton server that it started ends too."""
        if self._announcement is not None:
            self._announcement.close()
            self._announcement = None
        self._host.close()

    def _open(self, installed: Installed) -> Perception:
        config = with_installed(self._config, self._releases, installed)
        threads = config.compact.threads
        graphs = graphs_of(self._host, self._releases, installed, triton=config.serve == "triton", threads=threads)
        return make_engine(config, graphs)

    def _uses(self, camera_id: str, version: int, engine: Perception) -> Perception:
        with self._mutex:
            self._versions[camera_id] = version
            if engine.release not in self.used:
                self.used.append(engine.release)
        self._announce().says(camera_id, version)
        return engine

    def _refuse(self, version: int) -> None:
        self._bad.add(version)
        self._announce().refuses(version)

    def _announce(self) -> Announcement:
        with self._mutex:
            if self._announcement is None:
                self._announcement = Announcement(self._root)
            return self._announcement

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def with_release(config: DeviceConfig, use: ReleaseUse, folder: Path) -> DeviceConfig:
    """A device as if device.yaml named a release; the parameters of ``motion`` come with the release.

    Raises:
        ConfigurationError: the parameters cannot be read.
    """
    told: dict[str, object] = {"release": use, "network": folder}
    if use.engine == "motion" and (folder / _MOTION).is_file():
        try:
            told["motion"] = MotionParameters.model_validate_json((folder / _MOTION).read_bytes())
        except ValidationError as error:
            raise ConfigurationError(f"{folder / _MOTION}, {first_problem(error.errors(), 'the file')}") from error
    return config.model_copy(update=told)


def with_installed(config: DeviceConfig, releases: Path, installed: Installed | None) -> DeviceConfig:
    """A device as if device.yaml named what is installed; none: what it does name.

    Raises:
        ConfigurationError: the parameters cannot be read.
    """
    return config if installed is None else with_release(config, installed.use, releases / installed.folder)
