"""The commits of training runs, as one file and back. A bundle is consistent while others push."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import mkdtemp

from herdbook.contracts.durable import fsync_path, make_folder
from herdbook.errors import MissingDependencyError, StorageError


def bundle(repository: Path, target: Path) -> bool:
    """Write every branch of a bare repository into one file; false where there is no commit.

    Raises:
        StorageError: Git cannot read it.
    """
    if not repository.is_dir() or not _git(repository, "for-each-ref", "--count=1"):
        return False
    _git(repository, "bundle", "create", "--quiet", str(target), "--all")
    fsync_path(target)
    return True


def unbundle(source: Path, repository: Path) -> None:
    """Make a bare repository of what `bundle` wrote, whole or not at all.

    Raises:
        StorageError: Git cannot read it.
    """
    make_folder(repository.parent)
    part = Path(mkdtemp(prefix=".pipeline.", dir=repository.parent))
    try:
        _git(part, "init", "--quiet", "--bare", "--initial-branch", "main")
        _git(part, "fetch", "--quiet", str(source.absolute()), "+refs/*:refs/*")
        shutil.rmtree(repository, ignore_errors=True)  # of an interrupted call
        part.rename(repository)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _git(folder: Path, *arguments: str) -> str:
    program = shutil.which("git")
    if program is None:
        raise MissingDependencyError("training runs are kept in Git, which is not installed", "Install git.")
    alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
    env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")} | alone
    command = [program, "-c", f"core.hooksPath={os.devnull}", "-c", f"safe.directory={folder}", *arguments]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise StorageError(f"git {arguments[0]} in {folder} failed: {done.stderr.strip()}", "Follow what Git says.")
    return done.stdout
