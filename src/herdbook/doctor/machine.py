"""This machine: its Python, its disk, who may read what, and what is installed."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from herdbook.doctor.findings import Finding, Verdict
from herdbook.errors import LakeBusyError
from herdbook.overview.worries import LOW_DISK_BYTES
from herdbook.settings import Settings

_REMOTE = ("nfs", "nfs4", "cifs", "smb3", "ceph", "glusterfs", "lustre", "9p", "fuse.sshfs", "fuse.glusterfs", "efs")
"""File systems that several machines may share."""
_EXTRAS = {
    "edge": ("fastapi", "cv2", "trackers", "uvicorn"),
    "learning": ("torch", "timm", "transformers", "mlflow", "dvc", "motmetrics"),
    "airflow": ("airflow",),
    "cluster": ("celery", "redis", "boto3", "dvc_s3"),
    "reports": ("matplotlib",),
}


def python(_: Settings) -> Finding:
    """The version that everything is locked for."""
    version = sys.version.split()[0]
    if sys.version_info[:2] != (3, 11):
        return Finding("python", Verdict.FAIL, version, "Herdbook is built and locked for Python 3.11: use that.")
    return Finding("python", Verdict.OK, version)


def home(settings: Settings) -> Finding:
    """``$HERDBOOK_HOME`` is there and ours."""
    from herdbook.lake.restoring import unfinished

    place = settings.home
    if not place.is_dir():
        return Finding("home", Verdict.FAIL, f"{place} does not exist", "Run `herdbook init`.")
    if unfinished(settings) is not None:
        return Finding("home", Verdict.FAIL, "a restore was interrupted", "Run the same `herdbook restore` again.")
    if not os.access(place, os.W_OK | os.X_OK):
        return Finding(
            "home", Verdict.FAIL, f"{place} cannot be written", "Give this user the folder, or set HERDBOOK_HOME."
        )
    return Finding("home", Verdict.OK, str(place))


def shared_home(settings: Settings) -> Finding:
    """On a file system that machines share: locks hold there, and no SQLite file lies there (decision 0260)."""
    name, place = "shared home", settings.home
    kind = file_system(place)
    if not place.is_dir() or kind not in _REMOTE:
        return Finding(name, Verdict.ABSENT, f"{place} is on a file system of this machine alone ({kind})")
    embedded = [
        setting
        for setting, told in (
            ("HERDBOOK_CATALOG", settings.lake_catalog),
            ("HERDBOOK_LEDGER_URL", settings.ledger_database_url),
            ("HERDBOOK_MLFLOW_URI", settings.mlflow_tracking_uri),
        )
        if told.startswith("sqlite") and str(place) in told
    ]
    if embedded:
        said = f"{place} is on {kind}, and {', '.join(embedded)} is a SQLite file there, which it would damage"
        return Finding(name, Verdict.FAIL, said, "Put them on PostgreSQL: docs/operator.md, several machines.")
    if problem := lock_problem(place):
        return Finding(name, Verdict.FAIL, problem, "Mount it with locking (NFS 4 without `nolock`).")
    return Finding(name, Verdict.OK, f"{place} is on {kind}, locks hold")


def lock_problem(folder: Path) -> str:
    """What is wrong with locks in a folder; nothing if a second holder is kept out."""
    import time

    from herdbook.lake.lockfile import held

    lock = folder / f".doctor-{os.getpid()}.lock"
    try:
        with held(lock, time.monotonic(), "the doctor"):
            try:
                with held(lock, time.monotonic(), "the doctor"):
                    return f"locks in {folder} keep nobody out"
            except LakeBusyError:
                return ""
    except OSError as error:
        return f"{folder} knows no locks: {error}"
    finally:
        lock.unlink(missing_ok=True)


def file_system(path: Path, mounts: Path = Path("/proc/mounts")) -> str:
    """The kind of file system that a path is on; ``unknown`` where the kernel does not say."""
    try:
        rows = [line.split() for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines()]
    except OSError:
        return "unknown"
    points = {row[1].replace("\\040", " "): row[2] for row in rows if len(row) > 2}
    resolved = path.resolve()
    holding = [point for point in points if resolved.is_relative_to(point)]
    return points[max(holding, key=len)] if holding else "unknown"


def disk(settings: Settings) -> Finding:
    """Room for a night."""
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


def secrets(settings: Settings) -> Finding:
    """Tokens and keys are their owner's alone."""
    folder = settings.secrets
    pgpass = os.environ.get("PGPASSFILE")  # libpq's
    given = (settings.s3_credentials, settings.broker_url_file, settings.trust_keys, Path(pgpass) if pgpass else None)
    named = [path for path in given if path is not None]
    keys = settings.online_keys.rglob("*")
    loose = [p for p in (folder, *folder.rglob("*"), *named, *keys) if p.exists() and p.stat().st_mode & 0o077]
    if loose:
        return Finding(
            "secrets",
            Verdict.FAIL,
            f"others can read {loose[0]}",
            f"Run: chmod -R go= {loose[0] if loose[0] in named else folder}, and renew what it holds.",
        )
    return Finding("secrets", Verdict.OK, "readable by their owner only")


def video(_: Settings) -> Finding:
    """H.264 can be read."""
    import av

    if "h264" not in av.codecs_available:
        return Finding("video", Verdict.FAIL, "PyAV cannot decode H.264", "Install PyAV's own wheel: pip install av.")
    return Finding("video", Verdict.OK, f"PyAV {av.__version__}")


def extras(_: Settings) -> Iterator[Finding]:
    """Optional parts that are installed."""
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


def triton(_: Settings) -> Finding:
    """A Triton server for devices."""
    from herdbook.edge.triton.environment import HOME_VARIABLE, triton_home

    place = triton_home()
    if place is None:
        remedy = f"For devices with `serve: triton`: `make triton`, or name its home in {HOME_VARIABLE}."
        return Finding("triton", Verdict.ABSENT, "no Triton server; devices run ONNX Runtime in process", remedy)
    return Finding("triton", Verdict.OK, str(place))
