"""Git and DVC as processes of their own: what they say is passed on, what they refuse is one error."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from herdbook.errors import MissingDependencyError, WorkspaceError

_LAST = 20
"""Lines of a failed command that are repeated."""
_WHO = {"GIT_AUTHOR_NAME": "herdbook", "GIT_AUTHOR_EMAIL": "herdbook@localhost"}
_COMMITTER = {name.replace("AUTHOR", "COMMITTER"): value for name, value in _WHO.items()}


def git(folder: Path, *arguments: str) -> str:
    """Run Git in a folder; returns what it printed. The user's own configuration and hooks have no say.

    Raises:
        MissingDependencyError: there is no Git.
        WorkspaceError: it refused.
    """
    program = shutil.which("git")
    if program is None:
        raise MissingDependencyError("training runs are kept in Git, which is not installed", "Install git.")
    alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
    env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")} | _WHO | _COMMITTER | alone
    return _run("git", [program, "-c", "core.hooksPath=" + os.devnull, *arguments], folder, env)


def dvc(folder: Path, *arguments: str, quiet: bool = True, env: Mapping[str, str] | None = None) -> str:
    """Run DVC in a folder. Its stages find this installation's ``herdbook`` first.

    Args:
        folder: the workspace.
        arguments: of DVC.
        quiet: keep what it prints, and return it; otherwise it goes to stderr as it comes.
        env: what else its stages are told.

    Raises:
        WorkspaceError: it refused, or a stage failed.
    """
    here = str(Path(sys.executable).parent)
    said = {
        **os.environ,
        "PATH": os.pathsep.join([here, os.environ.get("PATH", "")]),
        "DVC_NO_ANALYTICS": "1",
        **(env or {}),
    }
    return _run("dvc", [sys.executable, "-m", "dvc", *arguments], folder, said, quiet=quiet)


def _run(name: str, command: list[str], folder: Path, env: Mapping[str, str], *, quiet: bool = True) -> str:
    done = subprocess.run(  # noqa: S603 (no shell, arguments of our own)
        command,
        cwd=folder,
        env=dict(env),
        stdout=subprocess.PIPE if quiet else sys.stderr,
        stderr=subprocess.PIPE if quiet else None,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = "\n".join(((done.stderr or "") + (done.stdout or "")).strip().splitlines()[-_LAST:])
        what = f"{name} {command[-1] if name == 'git' else ' '.join(command[3:])}"
        raise WorkspaceError(f"{what} failed in {folder} (exit code {done.returncode})" + (f": {said}" if said else ""))
    return done.stdout or ""
