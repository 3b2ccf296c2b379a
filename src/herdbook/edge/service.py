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
from herdbook.edge.config import DeviceCamera, DeviceConfig
from herdbook.edge.locks import one_recorder
from herdbook.edge.plan import CameraPlan, days_of
from herdbook.edge.recorder import Issued, issue_day
from herdbook.edge.spool import spool_folder
from herdbook.errors import ConfigurationError, DiskFullError

_LOOK_EVERY_S = 0.5
_TRY_AGAIN_S = 60.0
"""Between attempts to issue a day on a disk that is full."""


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
        """Prepare; nothing is touched before `run`.

        Args:
            stop: ends the recording; what was seen until then is issued as not final.
            issued: told each issued revision.
            remark: told what happens to connections and disk, for people.
        """
        self._config, self._root, self._stop, self._issued, self._remark = config, root, stop, issued, remark
        self._threads: dict[str, threading.Thread] = {}

    def run(self) -> None:
        """Record until stopped. Days that are over and not issued yet come before the present one.

        Raises:
            StorageError: another recorder works on the folder, or at the end the disk is full; the footage is kept,
                and the next run issues it.
        """
        with one_recorder(self._root):
            live = [camera for camera in self._config.cameras if camera.is_live]
            self._threads = {camera.camera_id: self._capture(camera) for camera in live}
            for thread in self._threads.values():
                thread.start()
            try:
                while not self._stop.is_set():
                    try:
                        self._issue_due()
                    except DiskFullError as error:
                        self._remark(f"{error.message}; the footage is kept, trying again in {_TRY_AGAIN_S:.0f} s")
                        if self._stop.wait(_TRY_AGAIN_S):
                            raise
            finally:
                self._stop.set()
                for thread in self._threads.values():
                    thread.join()

    def _capture(self, camera: DeviceCamera) -> threading.Thread:
        config, stop = self._config, self._stop
        capture = Capture(
            camera, self._root, timezone=config.timezone, clip_s=config.clip_s, stop=stop, remark=self._remark
        )
        return threading.Thread(target=capture.run, name=camera.camera_id)

    def _issue_due(self) -> None:
        """Issue what earlier days still owe, then the present day as it comes."""
        today = self._today()
        for day in self._waiting():
            if day < today and not self._stop.is_set():
                self._tell(issue_day(self._config, self._root, day))
        if self._today() == today:  # otherwise it is over, and one of the earlier days now
            self._tell(issue_day(self._config, self._root, today, arriving=partial(self._follow, today)))

    def _today(self) -> date:
        return local_day(datetime.now(UTC), self._config.timezone)

    def _waiting(self) -> list[date]:
        try:
            return days_of(self._config, self._root)
        except ConfigurationError:
            return []

    def _tell(self, issued: Issued) -> None:
        if issued.state == "issued":
            self._issued(issued)

    def _follow(self, day: date, plan: CameraPlan, given_up: threading.Event) -> Iterator[SourceClip | None]:
        """A live camera's clips of a day as they close, until the day has ended, or the capture, or nobody asks.

        None comes while there is nothing to look at.
        """
        if not plan.camera.is_live:
            return
        extent = day_extent(day, self._config.timezone)
        folder = spool_folder(self._root, plan.camera.camera_id)
        known = {clip.path for clip in plan.clips}
        patience = timedelta(seconds=self._config.clip_s + 10)
        ended = False
        while not ended and not given_up.is_set():
            capturing = self._threads[plan.camera.camera_id].is_alive()
            clips = clips_in_folder(folder)
            late = any(clip.start >= extent.end for clip in clips) or datetime.now(UTC) > extent.end + patience
            ended = late or not capturing
            for clip in clips:
                if clip.path not in known and extent.start <= clip.start < extent.end:
                    known.add(clip.path)
                    yield clip
            if not ended:
                yield None
                time.sleep(_LOOK_EVERY_S)
