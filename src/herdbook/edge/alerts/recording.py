"""Where the recorder meets the alerts. Whatever is wrong with them, recording goes on; the agent tells what it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from herdbook.contracts.device_day import Manifest
from herdbook.contracts.records import CameraState, RecordKind
from herdbook.edge import coverage
from herdbook.edge.alerts.evaluate import Evaluation, note_problem
from herdbook.edge.alerts.records import names_of_revision, summary_of_revision, tally_extent
from herdbook.edge.alerts.rulebook import rules_of
from herdbook.edge.alerts.spans import Spans, merged
from herdbook.edge.alerts.tally import BoutRow, DayTally
from herdbook.edge.config import DeviceConfig
from herdbook.edge.naming import Embeddings, Name, Namer, Sighting, namer_of
from herdbook.errors import HerdbookError

NAMED_EVERY_S = 600.0
"""Naming a whole day takes seconds."""

if TYPE_CHECKING:
    from herdbook.edge.watch import CameraDay


def evaluate_issued(config: DeviceConfig, root: Path, folder: Path, manifest: Manifest) -> None:
    """Evaluate the device's rules with an issued revision.

    Args:
        config: of the device.
        root: its folder.
        folder: of the revision.
        manifest: its manifest.
    """
    with _recording_goes_on(root):
        rules = rules_of(config)
        names: dict[str, Name] = {}
        with _told_afterwards() as trouble:
            namer = namer_of(config)
            if namer is not None:
                names = names_of_revision(folder, manifest, namer, config.release.space_id)
        summary = summary_of_revision(folder, manifest, rules, names)
        Evaluation(root, config.device_id, rules).take(summary, issued=True)
        if trouble:
            raise trouble[0]


class DayAlerts:
    """A day under way, evaluated anew with each clip that came in. Safe to use from the cameras' threads."""

    def __init__(self, config: DeviceConfig, root: Path, day: date) -> None:
        self._config, self._root = config, root
        self._lock = threading.Lock()
        self._evaluation: Evaluation | None = None
        self._extent = tally_extent(day, config.timezone)
        self._taken = {camera.camera_id: 0 for camera in config.cameras}
        self._looked = dict(self._taken)
        self._watched: dict[str, Spans] = {}
        self._settled: dict[str, float] = {}
        self._namer: Namer | None = None
        self._names: dict[str, Name] = {}
        self._named_at = -NAMED_EVERY_S
        self._looks: list[dict[str, Any]] = []
        self._sightings: dict[str, Sighting] = {}
        with _recording_goes_on(root):
            self._namer = namer_of(config)
        with _recording_goes_on(root):
            rules = rules_of(config)
            self._tally = DayTally(day, self._extent, [camera.contract() for camera in config.cameras], rules)
            self._evaluation = Evaluation(root, config.device_id, rules)

    def clip(self, camera_id: str, seen: CameraDay, settled: datetime) -> None:
        """Take what a camera's clips came to until now.

        Args:
            camera_id: of the device.
            seen: its day so far.
            settled: no further row will begin before it.
        """
        with self._lock, _recording_goes_on(self._root):
            if self._evaluation is None:
                return
            self._take(camera_id, seen, settled)
            self._name()
            summary = self._tally.summary(
                self._names,
                self._watched,
                self._settled,
                final=False,
                release_id=self._config.release.release_id,
            )
            self._evaluation.take(summary, issued=False)

    def _take(self, camera_id: str, seen: CameraDay, settled: datetime) -> None:
        rows, taken = seen.rows, self._taken[camera_id]
        bouts = rows[RecordKind.BOUT][taken:]
        self._tally.add_tracklets((row["tracklet_id"], camera_id) for row in rows[RecordKind.TRACKLET])
        self._tally.add_bouts(
            BoutRow(
                row["tracklet_id"],
                row["started_at"].timestamp(),
                row["ended_at"].timestamp(),
                row["behaviour"],
                row["zone_id"],
                row["clip"],
                row["release_id"],
            )
            for row in bouts
        )
        self._taken[camera_id] = taken + len(bouts)
        if self._namer is not None:
            for row in rows[RecordKind.TRACKLET]:
                span = (row["started_at"].timestamp(), row["ended_at"].timestamp())
                self._sightings[row["tracklet_id"]] = Sighting(row["tracklet_id"], camera_id, *span)
            before = self._looked[camera_id]
            self._looks += rows[RecordKind.EMBEDDING][before:]
            self._looked[camera_id] = len(rows[RecordKind.EMBEDDING])
        if seen.places:
            self._tally.add_places(camera_id, seen.places)
            seen.places = []
        self._settled[camera_id] = settled.timestamp()
        ends = max((spell.end for spell in seen.spells), default=settled)
        starts = min((spell.start for spell in seen.spells), default=settled)
        self._watched[camera_id] = merged(
            (spell.start.timestamp(), spell.end.timestamp())
            for spell in coverage.lay(seen.spells, starts, ends, "")
            if spell.state is CameraState.ON
        )

    def _name(self) -> None:
        """Name the tracklets so far, now and then: every new one may tell more of those before it."""
        if self._namer is None or not self._looks or time.monotonic() - self._named_at < NAMED_EVERY_S:
            return
        ordered = sorted(self._looks, key=lambda row: (row["tracklet_id"], row["at"]))
        vectors = np.array([row["vector"] for row in ordered], float) * np.array([[row["scale"]] for row in ordered])
        quality = np.array([row["quality"] for row in ordered], float)
        seen = Embeddings([row["tracklet_id"] for row in ordered], vectors, quality)
        self._names = self._namer.names(list(self._sightings.values()), seen)
        self._named_at = time.monotonic()


@contextmanager
def _told_afterwards() -> Iterator[list[HerdbookError]]:
    """Keep an error for later: without names there are alerts still."""
    trouble: list[HerdbookError] = []
    try:
        yield trouble
    except HerdbookError as error:
        trouble.append(error)


@contextmanager
def _recording_goes_on(root: Path) -> Iterator[None]:
    try:
        yield
    except (HerdbookError, OSError, ValueError, pa.ArrowException) as error:
        said = error.message if isinstance(error, HerdbookError) else f"{type(error).__name__}: {error}"
        with suppress(HerdbookError, OSError):
            note_problem(root, said)
