"""Device days: footage through the engine, written as a revision of the day."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from herdbook.contracts.device_day import DayFile, FileKind, Manifest
from herdbook.contracts.farmtime import DayExtent, day_extent
from herdbook.contracts.records import RecordKind
from herdbook.edge import coverage, revision, video
from herdbook.edge.activate.state import read_active
from herdbook.edge.alerts.recording import DayAlerts, evaluate_issued
from herdbook.edge.clips import SourceClip
from herdbook.edge.config import DeviceConfig
from herdbook.edge.days import DayStore, StoredDay
from herdbook.edge.engines import PARAMETERS
from herdbook.edge.locks import one_recorder
from herdbook.edge.perception.graph import Graphs
from herdbook.edge.perception.network import release_digest
from herdbook.edge.plan import CameraPlan, plan_camera
from herdbook.edge.rows import Rows
from herdbook.edge.serving import Engines
from herdbook.edge.spool import spool_folder
from herdbook.edge.watch import CameraDay, Watch
from herdbook.errors import VideoSourceError

Progress = Callable[[str, float, float], None]
"""Told the camera, the seconds of footage done, and those there are."""

Arriving = Callable[[CameraPlan, threading.Event], Iterable[SourceClip | None]]
"""Further clips of a camera after those planned, as they come, and none while there are none;
they may end once the event says that nobody asks."""

_NO_FOOTAGE = "no footage"


@dataclass(frozen=True)
class Issued:
    """What recording a day came to. ``state`` is ``issued`` or ``unchanged``; ``frames`` were looked at."""

    day: date
    revision: int
    state: str
    final: bool
    folder: Path
    frames: int = 0
    tracklets: int = 0
    clips: int = 0


def record_day(
    config: DeviceConfig,
    root: Path,
    day: date,
    *,
    final: bool = False,
    start: datetime | None = None,
    now: datetime | None = None,
    progress: Progress | None = None,
    graphs: Graphs | None = None,
) -> Issued:
    """Record a farm-local day as the device's only recorder, and issue it: see `issue_day`.

    Raises:
        StorageError: another recorder works on the same device folder, or its disk is full.
        VideoSourceError: a camera's file or folder is not there.
    """
    with one_recorder(root):
        return issue_day(config, root, day, final=final, start=start, now=now, progress=progress, graphs=graphs)


def issue_day(
    config: DeviceConfig,
    root: Path,
    day: date,
    *,
    final: bool = False,
    start: datetime | None = None,
    now: datetime | None = None,
    again: bool = False,
    progress: Progress | None = None,
    arriving: Arriving | None = None,
    graphs: Graphs | None = None,
) -> Issued:
    """Issue a farm-local day from its footage, unless it was issued from the same footage and configuration.

    Args:
        final: say that no more will come, though the day may not be over; a day that is over is final anyway.
        start: first frame's instant where a camera's source is one plain file.
        now: the present, for tests.
        again: issue a new revision even if nothing changed.
        arriving: says what comes after the clips that are there; with it a revision is always issued.
        graphs: where the networks of device.yaml's release are opened; by default its folder's files.

    Raises:
        DiskFullError: no space is left; what was there stays.
        VideoSourceError: a camera's file or folder is not there.
    """
    now = now or datetime.now(UTC)
    extent = day_extent(day, config.timezone)
    final = final or now >= extent.end
    store = DayStore(root)
    plans = [plan_camera(camera, config, root, day, start) for camera in config.cameras]
    inputs = describe_inputs(config, plans)
    latest = store.latest(day)
    active = read_active(root / "releases")
    installed = active is not None and active.now is not None
    if latest is not None and not again and arriving is None and not _has_news(latest, inputs, final, installed):
        return Issued(day, latest.manifest.revision, "unchanged", latest.manifest.final, latest.folder)
    with revision.draft(store, day) as folder, Engines(config, root, graphs) as engines:
        alerts = None if arriving is None else DayAlerts(config, root, day)
        work = _Work(config, root, day, folder=folder, engines=engines, progress=progress, alerts=alerts)
        if arriving is None:
            results = [work.watch(plan) for plan in plans]
        else:
            results = work.watch_all(plans, arriving)
            plans = [plan_camera(camera, config, root, day, start) for camera in config.cameras]
            inputs = describe_inputs(config, plans)
            now = datetime.now(UTC)
            final = final or now >= extent.end
        for plan, result in zip(plans, results, strict=True):
            result.spells += plan.gaps
        until = extent.end if final else min(_latest(results, extent.start), extent.end)
        files, counts = work.write(results, DayExtent(extent.start, until))

        def describe_day(number: int) -> Manifest:
            return Manifest(
                device_id=config.device_id,
                farm_id=config.farm_id,
                day=day,
                timezone=config.timezone,
                revision=number,
                final=final,
                issued_at=now,
                software_version=version("herdbook"),
                releases=tuple(engines.used) or (engines.release,),
                cameras=tuple(camera.contract() for camera in config.cameras),
                files=tuple(files),
            )

        manifest, target = revision.publish(folder, store, day, describe_day, inputs)
    evaluate_issued(config, root, target, manifest)
    return Issued(
        day,
        manifest.revision,
        "issued",
        final,
        target,
        frames=sum(result.frames for result in results),
        tracklets=counts[RecordKind.TRACKLET],
        clips=len(manifest.of_kind(FileKind.CLIP)),
    )


def describe_inputs(config: DeviceConfig, plans: list[CameraPlan]) -> dict[str, Any]:
    """What a day is made from, as plain data: equal inputs make an equal day."""
    mine = PARAMETERS.get(config.release.engine)
    others = {key for key in PARAMETERS.values() if key != mine}
    aside = {"cameras", "retention", "network", "serve", "sku", "spare_memory_mib", "updates", *others}
    told = config.model_dump(mode="json", exclude=aside)
    if config.network is not None and mine != "motion":
        told["network"] = release_digest(config.network)
    cameras = {
        plan.camera.camera_id: {
            "camera": plan.camera.contract().model_dump(mode="json"),
            "source": plan.camera.public_source,
            "background": _picture(plan.camera.background),
            "clips": [list(clip.fingerprint()) for clip in plan.clips],
        }
        for plan in plans
    }
    return {"device": told, "cameras": cameras}


def _picture(path: Path | None) -> list[Any] | None:
    if path is None:
        return None
    if not path.is_file():
        raise VideoSourceError(f"the background picture {path} is not there")
    return [path.name, path.stat().st_size, path.stat().st_mtime_ns]


def _has_news(latest: StoredDay, inputs: dict[str, Any], final: bool, installed: bool) -> bool:
    """Whether there is anything that the latest revision does not hold. Footage that is gone since is no news, nor is
    a release that the platform assigned meanwhile: a day is not looked at again because the device has a new model."""
    before = revision.read_inputs(latest.folder)
    if before is None:
        return True
    if installed:
        before, inputs = _without_engine(before), _without_engine(inputs)
    then, now = _clips(before), _clips(inputs)
    if then - now:
        return bool(now - then)
    return before != inputs or (final and not latest.manifest.final)


def _without_engine(inputs: dict[str, Any]) -> dict[str, Any]:
    engine = {"release", "network", *PARAMETERS.values()}
    return inputs | {"device": {key: value for key, value in inputs["device"].items() if key not in engine}}


def _clips(inputs: dict[str, Any]) -> set[tuple[Any, ...]]:
    return {(camera_id, *clip) for camera_id, camera in inputs["cameras"].items() for clip in camera["clips"]}


class _Work:
    """The cameras of one day, one after the other, into one draft."""

    def __init__(
        self,
        config: DeviceConfig,
        root: Path,
        day: date,
        *,
        folder: Path,
        engines: Engines,
        progress: Progress | None,
        alerts: DayAlerts | None,
    ) -> None:
        self._config, self._root, self._day = config, root, day
        self._folder, self._engines, self._progress, self._alerts = folder, engines, progress, alerts
        self._given_up = threading.Event()

    def watch_all(self, plans: list[CameraPlan], arriving: Arriving) -> list[CameraDay]:
        """All cameras at once: each waits for its own footage. Where one fails, the others need not go on."""

        def watch(plan: CameraPlan) -> CameraDay:
            try:
                return self.watch(plan, arriving)
            except BaseException:
                self._given_up.set()
                raise

        with ThreadPoolExecutor(len(plans)) as pool:
            return list(pool.map(watch, plans))

    def watch(self, plan: CameraPlan, arriving: Arriving | None = None) -> CameraDay:
        """One camera's clips, and those that arrive meanwhile."""
        total = sum(_length(clip) for clip in plan.clips) if self._progress else 0.0
        done = 0.0

        def advance(seconds: float) -> None:
            nonlocal done
            done += seconds
            if self._progress:
                self._progress(plan.camera.camera_id, done, max(total, done))

        known = [clip.path for clip in plan.clips]
        watch = Watch(
            plan.camera,
            self._config,
            self._day,
            folder=self._folder,
            spool=spool_folder(self._root, plan.camera.camera_id),
            engines=self._engines,
            known=known,
            advance=advance,
        )
        if self._alerts is not None:
            watch.day.places = []
        for clip in plan.clips:
            watch.clip(clip)
        for arrived in arriving(plan, self._given_up) if arriving else ():
            if arrived is None:
                watch.idle()
                continue
            watch.clip(arrived)
            if self._alerts is not None:
                self._alerts.clip(plan.camera.camera_id, watch.day, watch.settled)
        return watch.close()

    def write(self, results: list[CameraDay], covered: DayExtent) -> tuple[list[DayFile], dict[RecordKind, int]]:
        """The record files, with coverage laid over the time spoken of; all files, and rows by kind."""
        rows: Rows = {kind: [row for result in results for row in result.rows[kind]] for kind in RecordKind}
        for camera, result in zip(self._config.cameras, results, strict=True):
            if covered.end > covered.start:
                laid = coverage.lay(result.spells, covered.start, covered.end, _NO_FOOTAGE)
                rows[RecordKind.COVERAGE] += coverage.rows(camera.camera_id, laid)
        files = [file for result in results for file in result.files] + revision.write_records(self._folder, rows)
        return files, {kind: len(found) for kind, found in rows.items()}


def _latest(results: list[CameraDay], start: datetime) -> datetime:
    return max((spell.end for result in results for spell in result.spells), default=start)


def _length(clip: SourceClip) -> float:
    try:
        return video.probe(clip.path).duration_s
    except VideoSourceError:
        return 0.0
