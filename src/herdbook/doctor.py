"""`herdbook doctor`: is everything in place that a night needs? Each finding says what to do."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

from herdbook.errors import HerdbookError, StorageError
from herdbook.overview.worries import LOW_DISK_BYTES
from herdbook.settings import Settings


class Verdict(StrEnum):
    """How a checkup ended. ``absent`` is fine: an optional part that is not installed."""

    OK = "ok"
    ABSENT = "absent"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report."""

    name: str
    verdict: Verdict
    detail: str
    remedy: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """Run every checkup, one finding each; none of them changes anything."""
    checkups: list[tuple[str, Callable[[Settings], Finding]]] = [
        ("python", _python),
        ("home", _home),
        ("disk", _disk),
        ("secrets", _secrets),
        ("video", _video),
        ("lake", _lake),
        ("ledger", _ledger),
        ("published", _published),
    ]
    for name, checkup in checkups:
        try:
            yield checkup(settings)
        except HerdbookError as error:
            yield Finding(name, Verdict.FAIL, error.message, error.remedy)
    yield from _extras()
    yield _triton()


def _triton() -> Finding:
    from herdbook.edge.triton.environment import HOME_VARIABLE, triton_home

    home = triton_home()
    if home is None:
        remedy = f"For devices with `serve: triton`: `make triton`, or name its home in {HOME_VARIABLE}."
        return Finding("triton", Verdict.ABSENT, "no Triton server; devices run ONNX Runtime in process", remedy)
    return Finding("triton", Verdict.OK, str(home))


def _python(_: Settings) -> Finding:
    version = sys.version.split()[0]
    if sys.version_info[:2] != (3, 11):
        return Finding("python", Verdict.FAIL, version, "Herdbook is built and locked for Python 3.11: use that.")
    return Finding("python", Verdict.OK, version)


def _home(settings: Settings) -> Finding:
    import os

    from herdbook.backup.restore import unfinished

    home = settings.home
    if not home.is_dir():
        return Finding("home", Verdict.FAIL, f"{home} does not exist", "Run `herdbook init`.")
    if unfinished(settings) is not None:
        return Finding("home", Verdict.FAIL, "a restore was interrupted", "Run the same `herdbook restore` again.")
    if not os.access(home, os.W_OK | os.X_OK):
        return Finding(
            "home", Verdict.FAIL, f"{home} cannot be written", "Give this user the folder, or set HERDBOOK_HOME."
        )
    return Finding("home", Verdict.OK, str(home))


def _disk(settings: Settings) -> Finding:
    place = settings.home if settings.home.is_dir() else settings.home.parent
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    detail = f"{free / 1e9:.1f} GB free at {place}"
    if free < LOW_DISK_BYTES:
        return Finding(
            "disk",
            Verdict.WARN,
            detail,
            "Free space, shorten HERDBOOK_FOOTAGE_KEEP_DAYS, or run `herdbook lake compact`.",
        )
    return Finding("disk", Verdict.OK, detail)


def _secrets(settings: Settings) -> Finding:
    folder = settings.secrets
    loose = [p for p in (folder, *folder.rglob("*")) if p.exists() and p.stat().st_mode & 0o077]
    if loose:
        return Finding(
            "secrets",
            Verdict.FAIL,
            f"others can read {loose[0]}",
            f"Run: chmod -R go= {folder}, and renew those tokens.",
        )
    return Finding("secrets", Verdict.OK, "readable by their owner only")


def _video(_: Settings) -> Finding:
    import av

    if "h264" not in av.codecs_available:
        return Finding("video", Verdict.FAIL, "PyAV cannot decode H.264", "Install PyAV's own wheel: pip install av.")
    return Finding("video", Verdict.OK, f"PyAV {av.__version__}")


def _lake(settings: Settings) -> Finding:
    from herdbook.lake.attach import open_lake, parse_catalog

    file = parse_catalog(settings).file
    with _restorable(settings, file, "catalog.sqlite"), open_lake(settings, read_only=True) as lake:
        row = lake.execute("SELECT count(*), max(day) FROM device_day").fetchone()
    days, latest = row or (0, None)
    return Finding("lake", Verdict.OK, f"{days} device days" + (f", the latest {latest}" if latest else ""))


def _ledger(settings: Settings) -> Finding:
    from sqlalchemy import func, select

    from herdbook.ledger.engine import ledger_engine, sqlite_file
    from herdbook.ledger.models import Device
    from herdbook.ledger.session import ledger_session

    file = sqlite_file(ledger_engine(settings))
    with _restorable(settings, file, "ledger.sqlite"), ledger_session(settings) as session:
        devices = session.scalar(select(func.count()).select_from(Device).where(Device.retired_at.is_(None)))
    return Finding("ledger", Verdict.OK, f"{devices} devices enrolled")


@contextmanager
def _restorable(settings: Settings, file: Path | None, name: str) -> Iterator[None]:
    """Say how to mend a store that cannot be used, where its own error only sends people here.

    Args:
        settings: where backups are.
        file: the store, or none where it is a PostgreSQL database.
        name: what backups call it.
    """
    from herdbook.backup.write import backups

    try:
        yield
    except StorageError as error:
        if error.remedy != StorageError.remedy:
            raise
        kept = [backup / name for backup in backups(settings) if (backup / name).is_file()]
        if file is None:
            remedy = "Check that PostgreSQL runs, and its address and password in the settings and ~/.pgpass."
        elif kept:
            remedy = (
                f"Stop Airflow, move {file}* aside, copy {kept[-1]} to {file}, and run `herdbook load`: "
                "it adds what has landed since."
            )
        else:
            remedy = (
                f"No backup in {settings.backups} holds it. Stop Airflow, move {file}* aside, and try sqlite3's "
                f"`.recover` on a copy; an empty one (`herdbook init`) is the last resort."
            )
        raise StorageError(error.message, remedy) from error


def _published(settings: Settings) -> Finding:
    path: Path = settings.published
    if not path.is_file():
        return Finding(
            "published", Verdict.WARN, f"{path} is not there yet", "It is written by the first `herdbook load`."
        )
    import herdbook

    with herdbook.connect(path) as herd:
        row = herd.execute("SELECT published_at FROM published").fetchone()
    return Finding("published", Verdict.OK, f"{path}, of {row[0] if row else 'unknown time'}")


_EXTRAS = {
    "edge": ("fastapi", "cv2", "trackers", "uvicorn"),
    "learning": ("torch", "timm", "transformers", "mlflow", "dvc", "motmetrics"),
    "airflow": ("airflow",),
    "reports": ("matplotlib",),
}


def _extras() -> Iterator[Finding]:
    for extra, modules in _EXTRAS.items():
        missing = [name for name in modules if find_spec(name) is None]
        name = f"extra {extra}"
        if missing:
            yield Finding(
                name, Verdict.ABSENT, f"no {', '.join(missing)}", f"If wanted: pip install 'herdbook[{extra}]'."
            )
        elif extra == "edge" and (problem := _opencv_problem()):
            yield Finding(name, Verdict.FAIL, problem, "Install Debian's libgl1, or pip uninstall opencv-python.")
        else:
            yield Finding(name, Verdict.OK, "installed")


def _opencv_problem() -> str:
    try:
        import cv2  # noqa: F401
    except ImportError as error:
        return str(error)
    return ""
