"""What a run is made from, taken before it starts: code, parameters, environment, machine."""

from __future__ import annotations

import base64
import hashlib
import os
import platform
import shutil
import subprocess
from importlib import resources
from importlib.metadata import distribution, distributions, version
from pathlib import Path

from herdbook.contracts.camera import Contract
from herdbook.contracts.digest import sha256_of
from herdbook.learning.params import pipeline_root

WATCHED = ("src", "models", "sql", "dvc.yaml", "params.yaml", "pyproject.toml", "requirements.lock")
"""What of a checkout makes a run: a change to it that is not committed makes the run dirty."""
_SHOWN = 20


class Hardware(Contract):
    """The machine of a run."""

    system: str
    processor: str
    cores: int
    memory_bytes: int
    gpus: tuple[str, ...] = ()


class Origin(Contract):
    """Equal origins and equal data should give equal figures."""

    git_revision: str | None
    """Commit of the checkout; none where there is none, as with an installed wheel."""
    version: str
    """Of the installed package."""
    dirty: bool
    """Whether code, parameters or lock differ from that commit; of a wheel, whether its files were altered."""
    dirty_paths: tuple[str, ...] = ()
    code_sha256: str
    """Of the code that is imported, wherever it lies."""
    params_sha256: str | None = None
    lock_sha256: str | None = None
    environment_sha256: str
    """Of the names and versions of what is installed."""
    python: str
    hardware: Hardware


def take_origin(checkout: Path | None = None, *, params: Path | None = None) -> Origin:
    """Look at the code that runs, before anything is run.

    Args:
        checkout: of the code; where this package lies if not given.
        params: the parameters; the checkout's if not given.
    """
    checkout = checkout or pipeline_root()
    revision = _git(checkout, "rev-parse", "HEAD")
    if revision is None:
        changed = _altered_wheel()
    else:
        status = _git(checkout, "status", "--porcelain", "--untracked-files=all", "--", *WATCHED)
        changed = ["git status failed"] if status is None else [line[3:] for line in status.splitlines()]
    return Origin(
        git_revision=revision.strip() if revision else None,
        version=version("herdbook"),
        dirty=bool(changed),
        dirty_paths=tuple(changed[:_SHOWN]),
        code_sha256=_code(),
        params_sha256=_digest(params or checkout / "params.yaml"),
        lock_sha256=_digest(checkout / "requirements.lock"),
        environment_sha256=_environment(),
        python=platform.python_version(),
        hardware=_hardware(),
    )


def _altered_wheel() -> list[str]:
    """Files of the installed wheel that are not as it was built, by its own RECORD."""
    files = [f for f in distribution("herdbook").files or () if f.parts[0] in ("herdbook", "herdnet") and f.hash]
    if not any(f.suffix == ".py" for f in files):
        return ["no Git repository"]  # nor a wheel: code is imported from a folder
    return [str(f) for f in files if f.hash and _recorded(Path(str(f.locate()))) != f.hash.value]


def _recorded(path: Path) -> str | None:
    """A file's SHA-256 as RECORD writes it."""
    if not path.is_file():
        return None
    return base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).rstrip(b"=").decode()


def _git(checkout: Path, *arguments: str) -> str | None:
    """What Git says; none where it refuses or is absent."""
    git = shutil.which("git")
    if git is None:
        return None
    done = subprocess.run(  # noqa: S603 (no shell, arguments of our own)
        [git, "-C", str(checkout), *arguments], capture_output=True, text=True, check=False
    )
    return done.stdout if done.returncode == 0 else None


def _digest(path: Path) -> str | None:
    return sha256_of(path) if path.is_file() else None


def _code() -> str:
    found = hashlib.sha256()
    for package in ("herdbook", "herdnet"):
        folder = Path(str(resources.files(package)))
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".py", ".yaml", ".sql"):
                found.update(f"{package}/{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return found.hexdigest()


def _environment() -> str:
    installed = {f"{d.metadata['Name']}=={d.version}".lower() for d in distributions() if d.metadata["Name"]}
    installed -= {name for name in installed if name.startswith("herdbook==")}
    return hashlib.sha256("\n".join(sorted(installed)).encode()).hexdigest()


def _hardware() -> Hardware:
    return Hardware(
        system=f"{platform.system()} {platform.machine()}",
        processor=_processor(),
        cores=os.cpu_count() or 1,
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        gpus=_gpus(),
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or "unknown"


def _gpus() -> tuple[str, ...]:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ()
    query = [tool, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, check=False, timeout=20)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return tuple(line.strip() for line in done.stdout.splitlines() if line.strip()) if done.returncode == 0 else ()
