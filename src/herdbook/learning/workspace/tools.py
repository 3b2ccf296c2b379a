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
    command, ours = dvc_command()
    return _run("dvc", [*command, *arguments], folder, {**ours, **(env or {})}, quiet=quiet)


def dvc_command(home: Path | None = None, code: Path | None = None) -> tuple[list[str], dict[str, str]]:
    """The command line that DVC's arguments follow, and its environment: stages find this ``herdbook`` first.

    Args:
        home: ``$HERDBOOK_HOME`` of the stages.
        code: a checkout whose code the stages run, with this installation's libraries.
    """
    here = str(Path(sys.executable).parent)
    env = {
        **os.environ,
        "PATH": os.pathsep.join([here, os.environ.get("PATH", "")]),
        "DVC_NO_ANALYTICS": "1",
        **{name: str(Path(os.environ[name]).absolute()) for name in ("HERDBOOK_ENV_FILE",) if os.environ.get(name)},
        **({"HERDBOOK_HOME": str(home)} if home else {}),
        **({"PYTHONPATH": os.pathsep.join(str(code / part) for part in ("src", "models"))} if code else {}),
    }
    return [sys.executable, "-m", "dvc"], env


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
        said = "\n".join(((done.stdout or "") + (done.stderr or "")).strip().splitlines()[-_LAST:])
        what = f"{name} {command[-1] if name == 'git' else ' '.join(command[3:])}"
        raise WorkspaceError(f"{what} failed in {folder} (exit code {done.returncode})" + (f": {said}" if said else ""))
    return done.stdout or ""
