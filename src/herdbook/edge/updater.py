"""The updater: look, fetch, wait for the window, prove, read drift, switch, report. One pass never ends in an error.

What cannot come right by itself (a release that is not for this machine, an engine that is refused) is told once and
not tried again until a newer assignment comes; all else is tried again, after longer and longer waits.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from herdbook.contracts.activation import DeviceReport, Drift, EngineCertificate, Failure, Stage
from herdbook.contracts.assignment import Assignment, Why
from herdbook.contracts.release import RELEASE_NAME
from herdbook.edge.activate import activate, read_active, recover, steps
from herdbook.edge.activate.begin_again import begin_again, is_own
from herdbook.edge.activate.bring_up import answers, through_triton
from herdbook.edge.activate.build import forget_built
from herdbook.edge.activate.opened import Opened
from herdbook.edge.activate.place import Place
from herdbook.edge.activate.recall import read_certificate
from herdbook.edge.activate.state import Installed, write_active
from herdbook.edge.activate.switch import let_go
from herdbook.edge.report import failure_of, read_report, take_nudge, write_report
from herdbook.errors import (
    DiskFullError,
    EngineBuildError,
    EngineRefusedError,
    HerdbookError,
    ReleaseUnusableError,
    SwitchFailedError,
)

_LOG = logging.getLogger(__name__)
LOOK_EVERY_S = 60.0
LONGEST_WAIT_S = 900.0
"""Between attempts that fail."""
_NUDGE_EVERY_S = 0.5
_FINAL = (EngineBuildError, EngineRefusedError, ReleaseUnusableError, SwitchFailedError)
"""What is no better the next time. Bytes that fetching refuses are the installer's to fetch anew."""
_STAGES = {steps.BUILDING: Stage.BUILDING, steps.PROVING: Stage.PROVING, steps.SWITCHING: Stage.SWITCHING}


class Source(Protocol):
    """Where assignments come from: `herdbook.edge.install.Installer`."""

    def look(self) -> Assignment | None:
        """The newest assignment of this device, from signed, unexpired metadata."""

    def fetch(self, assignment: Assignment) -> Path:
        """A folder with its verified files."""

    def forget(self, keep: set[Path]) -> None:
        """Remove folders of other releases."""


ReadDrift = Callable[[Place, Opened], Drift | None]
"""What the proved release sees in the device's own clips, against the active one."""


class Updater:
    """Keeps a device at what it is assigned."""

    def __init__(
        self, place: Place, source: Source, *, drift: ReadDrift | None = None, patience_s: float = 900.0
    ) -> None:
        """Nothing happens before `start`.

        Args:
            drift: reads drift before a switch of a rollout; none: the report has no reading.
            patience_s: how long a switch waits for recorders.
        """
        self._place, self._source, self._drift, self._patience_s = place, source, drift, patience_s
        told = read_report(place.root)
        self._report = (
            told
            if told is not None and told.device_id == place.config.device_id
            else DeviceReport(
                device_id=place.config.device_id,
                hardware=place.hardware,
                stage=Stage.IDLE,
                actual=place.config.release.release_id,
                serving=True,
                now=datetime.now(UTC),
            )
        )

    def start(self) -> DeviceReport:
        """Come up after whatever happened: the device ends with a working engine."""
        self._recover()
        return self._say(hardware=self._place.hardware, serving=self._serves())

    def run(self, stop: threading.Event, *, every_s: float = LOOK_EVERY_S) -> None:
        """Pass after pass until told to stop; a nudge ends the wait between two."""
        wait = every_s
        while not stop.is_set():
            report = self.once()
            failed = report.failure is not None and not report.failure.final
            wait = min(wait * 2, LONGEST_WAIT_S) if failed else every_s
            waited = 0.0
            while waited < wait and not take_nudge(self._place.root) and not stop.wait(_NUDGE_EVERY_S):
                waited += _NUDGE_EVERY_S

    def once(self, now: datetime | None = None) -> DeviceReport:
        """One pass; what it came to is on disk.

        Args:
            now: the present, for tests.
        """
        looking = True
        try:
            self._watch_over()
            assignment = self._source.look()
            looking = False
            if assignment is None or self._failed_for_good(assignment):
                return self._say(serving=self._serves())
            if self._is_taken_up(assignment):
                return self._say(
                    assignment=assignment.number,
                    desired=assignment.release_id,
                    stage=Stage.IDLE,
                    failure=None,
                    serving=self._serves(),
                )
            if assignment.number != self._report.assignment:
                self._say(certificate=None, drift=None, failure=None, built=())
            self._say(assignment=assignment.number, desired=assignment.release_id, stage=Stage.FETCHING)
            if not assignment.files:
                begin_again(self._place, assignment, told=self._told, patience_s=self._patience_s)
            else:
                folder = self._source.fetch(assignment)
                if self._runs_already(assignment, folder):
                    return self._say(stage=Stage.IDLE, failure=None, certificate=read_certificate(self._place, folder))
                window, timezone = assignment.window, self._place.config.timezone
                if window is not None and not window.contains(now or datetime.now(UTC), timezone):
                    return self._say(stage=Stage.WAITING)
                self._take_up(assignment, folder)
            return self._say(stage=Stage.IDLE, failure=None, serving=self._serves())
        except Exception as error:  # whatever it is, the device must go on looking for what mends it
            if not isinstance(error, HerdbookError):
                _LOG.exception("a pass of the updater failed")
            # Until it has looked, the stage that is written down is where an earlier pass ended.
            return self._failed(Stage.FETCHING if looking else self._report.stage, error)

    def _told(self, step: str) -> None:
        if step in _STAGES:
            self._say(stage=_STAGES[step])

    def _take_up(self, assignment: Assignment, folder: Path) -> None:
        def between(certificate: EngineCertificate, opened: Opened) -> None:
            built = certificate.engines if certificate.built_here else ()
            self._say(certificate=certificate, built=built)
            if self._drift is not None and assignment.why is Why.ROLLOUT:  # the way back has no gates to pass
                self._say(drift=self._drift(self._place, opened))

        try:
            activate(self._place, folder, assignment, told=self._told, between=between, patience_s=self._patience_s)
        except EngineRefusedError:
            self._say(certificate=read_certificate(self._place, folder))
            raise
        active = read_active(self._place.releases)
        kept = (active.now, active.previous) if active else ()
        self._source.forget({self._place.releases / each.folder for each in kept if each})
        forget_built(self._place, *kept, but=self._report.built)

    def _watch_over(self) -> None:
        """The engine must answer; where it does not, what was good before is restored."""
        active = read_active(self._place.releases)
        if active is not None and active.now is not None and not self._serves():
            self._recover()
        let_go(self._place)

    def _recover(self) -> None:
        """Bring up what is named; a release that had to give way to an older one is not tried again."""
        named = read_active(self._place.releases)
        chosen = recover(self._place)
        if named is None or named.now is None or chosen.now == named.now:
            return
        lost, serves = named.now, chosen.now.use if chosen.now else self._place.config.release
        if lost.assignment == self._report.assignment:
            error = SwitchFailedError(
                f"release '{lost.use.release_id}' no longer came up; '{serves.release_id}' was restored"
            )
            self._say(stage=Stage.FAILED, failure=failure_of(Stage.SWITCHING, error, final=True))

    def _serves(self) -> bool:
        """Whether what runs answers. In the recorder's own process it was probed when the device came up."""
        active = read_active(self._place.releases)
        if active is None or active.now is None or not through_triton(self._place, active.now):
            return True
        return answers(self._place, active.now)

    def _is_taken_up(self, assignment: Assignment) -> bool:
        active = read_active(self._place.releases)
        now = active.now if active is not None else None
        if not assignment.files:
            return now is None and is_own(self._place, assignment)
        return now is not None and now.assignment == assignment.number

    def _failed_for_good(self, assignment: Assignment) -> bool:
        failure = self._report.failure
        return self._report.assignment == assignment.number and failure is not None and failure.final

    def _runs_already(self, assignment: Assignment, folder: Path) -> bool:
        """An assignment of the very bytes that run is taken note of: nothing need be switched."""
        active = read_active(self._place.releases)
        if active is None or active.now is None or not _same(active.now, assignment, folder):
            return False
        noted = active.now.model_copy(update={"assignment": assignment.number})
        write_active(self._place.releases, active.model_copy(update={"now": noted}))
        return True

    def _failed(self, stage: Stage, error: Exception) -> DeviceReport:
        failure: Failure = failure_of(stage, error, final=isinstance(error, _FINAL))
        return self._say(stage=Stage.FAILED, failure=failure, serving=self._serves())

    def _say(self, **changes: object) -> DeviceReport:
        active = read_active(self._place.releases)
        installed = active.now if active else None
        actual = installed.use.release_id if installed else self._place.config.release.release_id
        since = active.since if active else None
        always = {"actual": actual, "actual_since": since, "now": datetime.now(UTC)}
        self._report = DeviceReport.model_validate(
            {**{name: getattr(self._report, name) for name in DeviceReport.model_fields}, **always, **changes}
        )
        with suppress(DiskFullError):  # the device goes on; the next report may find room
            write_report(self._place.root, self._report)
        return self._report


def _same(installed: Installed, assignment: Assignment, folder: Path) -> bool:
    if assignment.digest_of(RELEASE_NAME) != installed.release_sha256 or folder.name != installed.folder:
        return False
    if installed.backend != "tensorrt":
        return True
    # A plan that came meanwhile and is not what runs is proved and taken up like any other engine.
    brought = {file.sha256 for file in assignment.files if file.name.endswith(".plan")}
    return not brought or brought == {engine.sha256 for engine in installed.engines}
