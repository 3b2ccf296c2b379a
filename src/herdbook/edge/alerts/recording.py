"""Where the recorder meets the alerts. Whatever is wrong with them, recording goes on; the agent tells what it is.

Rules and pools are those of the release that is active at the moment, whichever engine made the rows.
"""

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

from herdbook.contracts.alerts import AlertRules
from herdbook.contracts.device_day import Manifest
from herdbook.contracts.records import CameraState, RecordKind
from herdbook.edge import coverage
from herdbook.edge.activate.state import Installed, installed_now
from herdbook.edge.alerts.evaluate import Evaluation, note_problem
from herdbook.edge.alerts.records import names_of_revision, summary_of_revision, tally_extent
from herdbook.edge.alerts.rulebook import rules_of
from herdbook.edge.alerts.spans import Spans, merged
from herdbook.edge.alerts.tally import BoutRow, DayTally
from herdbook.edge.config import DeviceConfig
from herdbook.edge.naming import Embeddings, Name, Namer, Sighting, namer_of
from herdbook.edge.serving import with_installed
from herdbook.errors import HerdbookError

NAMED_EVERY_S = 600.0
"""Naming a whole day takes seconds."""

if TYPE_CHECKING:
    from herdbook.edge.watch import CameraDay


def evaluate_issued(config: DeviceConfig, root: Path, folder: Path, manifest: Manifest) -> None:
    """Evaluate the device's rules with an issued revision.

    Args:
        config: of the device, as device.yaml says.
        root: its folder.
        folder: of the revision.
        manifest: its manifest.
    """
    with _recording_goes_on(root):
        config = with_installed(config, root / "releases", installed_now(root / "releases"))
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
        self._device, self._root, self._day = config, root, day
        self._lock = threading.Lock()
        self._installed: Installed | None = None
        self._rules: AlertRules | None = None
        self._evaluation: Evaluation | None = None
        self._extent = tally_extent(day, config.timezone)
        self._taken: dict[str, int] = {}
        self._looked: dict[str, int] = {}
        self._watched: dict[str, Spans] = {}
        self._settled: dict[str, float] = {}
        self._namer: Namer | None = None
        self._names: dict[str, Name] = {}
        self._named_at = -NAMED_EVERY_S
        self._looks: list[dict[str, Any]] = []
        self._sightings: dict[str, Sighting] = {}
        self._take_up(installed_now(root / "releases"))

    def clip(self, camera_id: str, seen: CameraDay, settled: datetime) -> None:
        """Take what a camera's clips came to until now.

        Args:
            camera_id: of the device.
            seen: its day so far.
            settled: no further row will begin before it.
        """
        with self._lock, _recording_goes_on(self._root):
            installed = installed_now(self._root / "releases")
            if installed != self._installed:
                self._take_up(installed)
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

    def _take_up(self, installed: Installed | None) -> None:
        """Go on by the rules and pools of another release. Under other rules the day is told from its rows anew; of
        crowds only what comes, since boxes are not kept in memory: the issued revision has them."""
        self._installed, self._namer, self._names, self._named_at = installed, None, {}, -NAMED_EVERY_S
        before, self._rules = self._rules, None
        evaluation, self._evaluation = self._evaluation, None
        with _recording_goes_on(self._root):
            self._config = with_installed(self._device, self._root / "releases", installed)
            with _recording_goes_on(self._root):
                self._namer = namer_of(self._config)
            self._rules = rules_of(self._config)
            if evaluation is None or self._rules != before:
                cameras = [camera.contract() for camera in self._config.cameras]
                self._tally = DayTally(self._day, self._extent, cameras, self._rules)
                evaluation = Evaluation(self._root, self._config.device_id, self._rules)
                self._taken, self._watched, self._settled = {}, {}, {}
            self._evaluation = evaluation

    def _take(self, camera_id: str, seen: CameraDay, settled: datetime) -> None:
        rows, taken = seen.rows, self._taken.get(camera_id, 0)
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
            before = self._looked.get(camera_id, 0)
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
        if self._namer is None or time.monotonic() - self._named_at < NAMED_EVERY_S:
            return
        mine = [row for row in self._looks if row["space_id"] == self._config.release.space_id]
        if not mine:
            return
        ordered = sorted(mine, key=lambda row: (row["tracklet_id"], row["at"]))
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
