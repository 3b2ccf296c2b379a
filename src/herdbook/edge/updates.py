"""What the updater is made of on a real device: the installer of signed releases, and the drift reading."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from herdbook.contracts.activation import DeviceReport, Drift
from herdbook.edge.activate import Place, place_of
from herdbook.edge.activate.opened import Opened, open_release
from herdbook.edge.activate.state import installed_now
from herdbook.edge.config import DeviceConfig
from herdbook.edge.drift import read_drift, recent_clips, unread_drift
from herdbook.edge.serving import with_installed, with_release
from herdbook.edge.updater import Source, Updater
from herdbook.errors import ActivationError, ConfigurationError, HerdbookError, MissingDependencyError


def make_source(config: DeviceConfig, root: Path) -> Source:
    """The installer of this device.

    Raises:
        ConfigurationError: device.yaml says no address.
        MissingDependencyError: the extra ``edge`` is not installed.
    """
    if config.updates is None:
        raise ConfigurationError("device.yaml names no place of updates", "Add `updates: {url: https://…}`.")
    try:
        from herdbook.edge.install import Installer
    except ImportError as error:
        raise MissingDependencyError("fetching releases needs the extra 'edge' (tuf)") from error
    reserve = config.updates.reserve_mib << 20
    return Installer(root, config.device_id, config.updates.url, reserve_bytes=reserve)


def drift_of(place: Place, opened: Opened) -> Drift | None:
    """Reads what runs now and an opened release on the device's own recent clips; none where there are none.

    Both by the graphs that the device's recipe chooses; a plan is read as the graph it was built from.
    """
    new = with_release(place.config, opened.release.use, opened.folder)
    old, graphs, installed = place.config, dict[str, Path](), installed_now(place.releases)
    if installed is not None:
        try:
            old = with_installed(old, place.releases, installed)
            graphs = open_release(place.releases / installed.folder, place.hardware, look=False).graphs
        except (ActivationError, ConfigurationError) as error:
            return unread_drift(installed.use, new.release, error)
    clips = recent_clips(old, place.root)
    return read_drift(old, new, clips, place.releases / "drift", old_graphs=graphs, new_graphs=opened.graphs)


def update(
    root: Path,
    config: DeviceConfig,
    *,
    once: bool,
    stop: threading.Event,
    remark: Callable[[str], None],
) -> DeviceReport:
    """Come up, then keep the device at what it is assigned until told to stop, or for one pass.

    Raises:
        ConfigurationError: device.yaml says no address.
        StorageError: the disk cannot be used.
    """
    source, place = make_source(config, root), place_of(root, config)
    with place.host:
        updater = Updater(place, source, drift=drift_of)
        report = updater.start()
        if once:
            return updater.once()
        remark(f"{config.device_id} runs {report.actual} and looks for releases")
        updater.run(stop)
    return report


def update_beside(
    root: Path, config: DeviceConfig, stop: threading.Event, remark: Callable[[str], None]
) -> threading.Thread:
    """The updater in a thread beside the agent. It never takes the agent down, and whoever ends need not wait for it:
    a switch that is cut off is what `recover` is for.

    Raises:
        ConfigurationError: device.yaml says no address.
    """
    make_source(config, root)

    def run() -> None:
        while not stop.is_set():
            try:
                update(root, config, once=False, stop=stop, remark=remark)
            except Exception as error:
                said = error.message if isinstance(error, HerdbookError) else f"{type(error).__name__}: {error}"
                remark(f"the updater failed: {said}; it begins again")
                stop.wait(60)

    thread = threading.Thread(target=run, name="updater", daemon=True)
    thread.start()
    return thread
