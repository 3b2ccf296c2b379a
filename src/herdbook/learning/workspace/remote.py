"""DVC's remote: where data of training go beside the cache, so that they outlive this machine's disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from herdbook.errors import RemoteError, WorkspaceError
from herdbook.learning.workspace.tools import dvc
from herdbook.object_store import is_object_store, variables
from herdbook.settings import Settings


@dataclass(frozen=True)
class Remote:
    """A folder or an ``s3://`` prefix, and what DVC's processes are told to reach it: no key, only its file."""

    url: str
    env: Mapping[str, str] = field(default_factory=dict)

    def section(self) -> str:
        """Of DVC's ``config.local``, which Git does not keep."""
        return f"[core]\n    remote = store\n['remote \"store\"']\n    url = {self.url}\n"

    def push(self, folder: Path) -> None:
        """Push what the workspace's commit names; what is there already is not sent again.

        Raises:
            RemoteError: it cannot be reached, or refuses.
        """
        self._run(folder, "push", "--quiet")

    def fetch(self, folder: Path, targets: Sequence[str]) -> None:
        """Fetch into the cache what it lacks.

        Raises:
            RemoteError: it cannot be reached, or lacks it too.
        """
        self._run(folder, "fetch", "--quiet", *targets)

    def _run(self, folder: Path, *arguments: str) -> None:
        try:
            dvc(folder, *arguments, env=self.env)
        except WorkspaceError as error:
            raise RemoteError(error.message) from error


def remote_of(settings: Settings) -> Remote | None:
    """The remote that the settings name, if they do."""
    url = settings.dvc_remote
    if not url:
        return None
    if is_object_store(url):
        return Remote(url, variables(settings))
    return Remote(str(Path(url).expanduser().absolute()))
