"""The code that a run was made with, checked out beside, to run again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import mkdtemp

from herdbook.contracts.durable import make_folder
from herdbook.errors import WorkspaceError
from herdbook.learning.params import pipeline_root
from herdbook.learning.registry.origin import Origin, take_origin
from herdbook.learning.workspace.tools import dvc_command, git
from herdbook.settings import Settings

_ORIGIN = "from herdbook.learning.registry.origin import take_origin; print(take_origin().model_dump_json())"


def code_of(settings: Settings, origin: Origin, here: Path | None = None) -> Path | None:
    """A checkout of the code that an origin names, if it is not the code that runs now and can be had.

    Args:
        settings: where the registry is.
        origin: of the run.
        here: a repository that may know the commit; this code's own if not given.

    Returns:
        The checkout; none where the code is the same, or nothing is known of it here.
    """
    if origin.git_revision is None or take_origin().code_sha256 == origin.code_sha256:
        return None
    folder = make_folder(settings.registry.absolute() / "code")
    place = folder / origin.git_revision
    if not place.is_dir():
        part = Path(mkdtemp(prefix=".part-", dir=folder))
        try:
            git(folder, "clone", "--quiet", "--shared", "--no-checkout", str(here or pipeline_root()), str(part))
            git(part, "checkout", "--quiet", "--detach", origin.git_revision)
            part.rename(place)
        except (
            WorkspaceError,
            OSError,
        ):  # no repository, an unknown commit, or another came first
            shutil.rmtree(part, ignore_errors=True)
    return place if place.is_dir() else None


def origin_with(code: Path | None) -> Origin:
    """`take_origin` of the code in a checkout, or of this one.

    Raises:
        WorkspaceError: the code there is too old to say it.
    """
    if code is None:
        return take_origin()
    env = dvc_command(code=code)[1]
    done = subprocess.run(  # noqa: S603 (no shell, arguments of our own)
        [sys.executable, "-c", _ORIGIN], env=env, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise WorkspaceError(f"the code in {code} does not say what it is: {done.stderr.strip()[-300:]}")
    return Origin.model_validate_json(done.stdout)
