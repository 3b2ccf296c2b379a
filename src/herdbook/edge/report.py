"""``report.json``: what a device says of its releases, on disk: the agent tells it also while the updater is down."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from herdbook.contracts.activation import DeviceReport, Failure, Stage
from herdbook.contracts.durable import make_folder, write_durably
from herdbook.edge.activate.place import hardware_of
from herdbook.edge.activate.state import read_active
from herdbook.edge.config import DeviceConfig
from herdbook.errors import HerdbookError

REPORT = "report.json"
NUDGE = "check"
"""A file whose presence asks the updater to look now."""


def read_report(root: Path) -> DeviceReport | None:
    """The report as it was written last; none where there is none, or it is damaged."""
    try:
        return DeviceReport.model_validate_json((root / "releases" / REPORT).read_bytes())
    except (OSError, ValidationError):
        return None


def write_report(root: Path, report: DeviceReport) -> None:
    """Write it down.

    Raises:
        DiskFullError: no space is left; the old one stays.
    """
    path = make_folder(root / "releases") / REPORT
    write_durably(path, report.model_dump_json(indent=1).encode() + b"\n")


def current_report(root: Path, config: DeviceConfig, now: datetime) -> DeviceReport:
    """What the device says now: the report on disk with what really runs, and the clock of this moment."""
    active = read_active(root / "releases")
    installed = active.now if active else None
    actual = installed.use.release_id if installed else config.release.release_id
    since = active.since if active else None
    told = read_report(root)
    if told is None or told.device_id != config.device_id:
        return DeviceReport(
            device_id=config.device_id,
            hardware=hardware_of(config),
            stage=Stage.IDLE,
            actual=actual,
            actual_since=since,
            serving=True,
            now=now,
        )
    return told.model_copy(update={"actual": actual, "actual_since": since, "now": now})


def failure_of(stage: Stage, error: Exception, *, final: bool) -> Failure:
    """Why an assignment was not taken up."""
    told = error if isinstance(error, HerdbookError) else HerdbookError(f"{type(error).__name__}: {error}")
    return Failure(
        stage=stage,
        error=type(error).__name__[:63],
        exit_code=told.exit_code,
        message=told.message[:500],
        remedy=told.remedy[:500],
        final=final,
        at=datetime.now(UTC),
    )


def nudge(root: Path) -> None:
    """Ask the updater to look now."""
    (make_folder(root / "releases") / NUDGE).touch()


def take_nudge(root: Path) -> bool:
    """Whether somebody asked since the last time."""
    try:
        os.unlink(root / "releases" / NUDGE)  # noqa: PTH108 - its answer says whether it was there
    except FileNotFoundError:
        return False
    return True
