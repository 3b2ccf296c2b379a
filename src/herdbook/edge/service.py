"""The recorder of live cameras: captures without a pause, looks at clips as they close, issues each day as it ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

from herdbook.contracts.farmtime import day_extent, local_day
from herdbook.edge.capture import Capture
from herdbook.edge.clips import SourceClip, clips_in_folder
from herdbook.edge.config import DeviceConfig
from herdbook.edge.plan import CameraPlan, days_of
from herdbook.edge.recorder import Issued, record_day
from herdbook.edge.spool import spool_folder
from herdbook.errors import ConfigurationError

_LOOK_EVERY_S = 0.5


class LiveRecorder:
    """Captures live cameras in threads of their own, and records day after day until told to stop."""

    def __init__(
        self,
        config: DeviceConfig,
        root: Path,
        *,
        stop: threading.Event,
        issued: Callable[[Issued], None],
        remark: Callable[[str], None],
    ) -> None:
        """Prepare.

        Args:
            stop: ends the recording; what was seen until then is issued as not final.
            issued: told each issued revision.
            remark: told what happens to connections, for people.
        """
        self._config, self._root, self._stop, self._issued = config, root, stop, issued
        self._threads: dict[str, threading.Thread] = {}
        for camera in config.cameras:
            if camera.is_live:
                capture = Capture(
                    camera, root, timezone=config.timezone, clip_s=config.clip_s, stop=stop, remark=remark
                )
                self._threads[camera.camera_id] = threading.Thread(target=capture.run, name=camera.camera_id)

    def run(self) -> None:
        """Record until stopped. Days that an interruption left unfinished are issued first."""
        for thread in self._threads.values():
            thread.start()
        try:
            today = local_day(datetime.now(UTC), self._config.timezone)
            for day in self._waiting():
                if day < today:
                    self._tell(record_day(self._config, self._root, day))
            while not self._stop.is_set():
                today = local_day(datetime.now(UTC), self._config.timezone)
                follow = partial(self._follow, today)
                self._tell(record_day(self._config, self._root, today, arriving=follow))
        finally:
            self._stop.set()
            for thread in self._threads.values():
                thread.join()

    def _waiting(self) -> list[date]:
        try:
            return days_of(self._config, self._root)
        except ConfigurationError:
            return []

    def _tell(self, issued: Issued) -> None:
        if issued.state == "issued":
            self._issued(issued)

    def _follow(self, day: date, plan: CameraPlan) -> Iterator[SourceClip]:
        """A live camera's clips of a day as they close, until the day has ended or the capture has."""
        if not plan.camera.is_live:
            return
        extent = day_extent(day, self._config.timezone)
        folder = spool_folder(self._root, plan.camera.camera_id)
        known = {clip.path for clip in plan.clips}
        patience = timedelta(seconds=self._config.clip_s + 10)
        ended = False
        while not ended:
            capturing = self._threads[plan.camera.camera_id].is_alive()
            clips = clips_in_folder(folder)
            late = any(clip.start >= extent.end for clip in clips) or datetime.now(UTC) > extent.end + patience
            ended = late or not capturing
            for clip in clips:
                if clip.path not in known and extent.start <= clip.start < extent.end:
                    known.add(clip.path)
                    yield clip
            if not ended:
                time.sleep(_LOOK_EVERY_S)
