"""The workspace of one run: a clone with a branch of its own, sharing nothing but history and cache.

::

    registry/pipeline.git              bare: a branch run/<run id> for every run
    registry/cache/                    DVC's cache, shared; content-addressed, so that writers never disagree
                                       (with HERDBOOK_DVC_REMOTE, what it holds is pushed there too)
    registry/runs/<run id>/            the clone: dvc.yaml, params.yaml, sources.json, code.json, dvc.lock, data/

Two runs have different folders, so different locks of Git and DVC; they meet only in the cache and in pushes of
different branches.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import yaml

from herdbook.contracts.durable import make_folder, write_durably
from herdbook.errors import InputError, NotFoundError, WorkspaceError
from herdbook.learning.datasets.sources import SourceList, write_sources
from herdbook.learning.params import Params, pipeline_root
from herdbook.learning.workspace.code import code_digests
from herdbook.learning.workspace.remote import Remote, remote_of
from herdbook.learning.workspace.tools import dvc, git
from herdbook.settings import Settings

_RUN = re.compile(r"^[a-z0-9][a-z0-9_-]{0,62}$")


@dataclass(frozen=True)
class Workspace:
    """A run's folder."""

    run_id: str
    folder: Path
    home: Path
    """``$HERDBOOK_HOME`` of its stages."""
    remote: Remote | None = None
    """Where its data go beside the cache, if they do."""

    def commit(self, message: str) -> str:
        """Commit all that changed and push it; returns the revision. Without a change, the one that is there."""
        git(self.folder, "add", "--all")
        if git(self.folder, "status", "--porcelain"):
            git(self.folder, "commit", "--quiet", "--message", message)
        git(self.folder, "push", "--quiet", "origin", f"HEAD:refs/heads/run/{self.run_id}")
        return self.revision()

    def revision(self) -> str:
        """The commit that is checked out."""
        return git(self.folder, "rev-parse", "HEAD").strip()

    def repro(self, *stages: str, quiet: bool = False) -> str:
        """Run what is out of date, then commit ``dvc.lock``; returns the revision.

        Raises:
            WorkspaceError: a stage failed; finished stages are kept, and the next call goes on from there.
            RemoteError: the stages are done and kept here, the remote did not take their data.
        """
        dvc(self.folder, "repro", *stages, quiet=quiet, env={"HERDBOOK_HOME": str(self.home)})
        revision = self.commit(f"{self.run_id}: {', '.join(stages) or 'all stages'}")
        self._push()
        return revision

    def add(self, path: str) -> str:
        """Put a file or folder of the workspace under DVC and commit it; returns its data hash."""
        dvc(self.folder, "add", "--quiet", path)
        revision = self.commit(f"{self.run_id}: add {path}")
        self._push()
        return self.data_hash(path, revision)

    def fetch(self) -> None:
        """Bring the data that the revision knows from the cache, or the remote, over whatever is there.

        Raises:
            WorkspaceError: the cache lost some, and there is no remote.
            RemoteError: the remote cannot be reached, or lost some too.
        """
        lock = self.folder / "dvc.lock"
        known = _outs(yaml.safe_load(lock.read_bytes())) if lock.is_file() else []
        files = git(self.folder, "ls-files", "*.dvc").split("\n")
        in_git = set(git(self.folder, "ls-files").split("\n"))  # metrics lie there, not in the cache
        paths = [str(out["path"]) for out in known]
        if targets := [path for path in (*paths, *filter(None, files)) if path.endswith(".dvc") or path not in in_git]:
            if self.remote is not None:
                self.remote.fetch(self.folder, targets)
            dvc(self.folder, "checkout", "--force", *targets)

    def _push(self) -> None:
        if self.remote is not None:
            self.remote.push(self.folder)

    def data_hash(self, path: str, revision: str = "HEAD") -> str:
        """DVC's hash of a stage's output or an added path, as a revision has it.

        Raises:
            NotFoundError: the revision knows no such data.
        """
        for file in ("dvc.lock", f"{path}.dvc"):
            with suppress(WorkspaceError):
                document = yaml.safe_load(git(self.folder, "show", f"{revision}:{file}"))
                for out in _outs(document):
                    if file.endswith(".dvc") or out.get("path") == path:
                        return str(out["md5"])
        raise NotFoundError(f"revision {revision} of run {self.run_id} has no data {path}", "Run its stage first.")


def create_workspace(
    settings: Settings, run_id: str, params: Params, sources: SourceList, files: Mapping[str, bytes] | None = None
) -> Workspace:
    """A new run's workspace, its first commit made; or the one that is there, to go on with it.

    Where the folder of a run was deleted, what was committed of it comes back.

    Args:
        settings: where the registry is.
        run_id: names folder and branch.
        params: written as ``params.yaml``.
        sources: written as ``sources.json``.
        files: what else is committed, by relative path.

    Raises:
        InputError: the id cannot name a folder.
        WorkspaceError: Git refused.
    """
    place = _place(settings, run_id)
    if place.is_dir():
        return open_workspace(settings, run_id)
    begun = f"run/{run_id}"
    if git(_origin(place.parents[1]), "branch", "--list", begun):
        return restore_workspace(settings, f"origin/{begun}", run_id)
    root = pipeline_root()
    part = _clone(settings, run_id)
    git(part, "checkout", "--quiet", "--orphan", begun)
    (part / ".dvc" / ".gitignore").write_text("/config.local\n/tmp\n/cache\n", encoding="utf-8")
    (part / ".dvc" / "config").write_text("[core]\n    analytics = false\n", encoding="utf-8")
    _write_stages(root / "dvc.yaml", part / "dvc.yaml", params.chosen.students)
    document = yaml.safe_dump(params.model_dump(mode="json"), sort_keys=False)
    write_durably(part / "params.yaml", document.encode())
    write_sources(part / "sources.json", sources)
    write_durably(part / "code.json", (json.dumps(code_digests(), indent=1) + "\n").encode())
    (part / "data").mkdir()
    for name, content in (files or {}).items():
        write_durably(make_folder((part / name).parent) / Path(name).name, content)
    workspace = Workspace(run_id, part, settings.home, remote_of(settings))
    workspace.commit(f"{run_id}: begun")
    part.rename(place)
    return open_workspace(settings, run_id)


def open_workspace(settings: Settings, run_id: str) -> Workspace:
    """A run's workspace that is there.

    Raises:
        NotFoundError: there is none.
    """
    place = _place(settings, run_id)
    if not (place / ".git").exists():
        raise NotFoundError(f"there is no workspace of run {run_id}", "Its runs lie in $HERDBOOK_HOME/registry/runs.")
    _tell(settings, place)
    return Workspace(run_id, place, settings.home.absolute(), remote_of(settings))


def restore_workspace(settings: Settings, revision: str, run_id: str, *, data: bool = True) -> Workspace:
    """Another run's revision in a new workspace, code files and data as they were, to run it again.

    Args:
        settings: where the registry is.
        revision: a commit of any run.
        run_id: of the new workspace.
        data: whether its data are fetched from the cache too.

    Raises:
        NotFoundError: no run has that revision.
        WorkspaceError: Git or DVC refused, or the cache lost the data.
    """
    place = _place(settings, run_id)
    if not place.is_dir():
        part = _clone(settings, run_id)
        try:
            git(part, "cat-file", "-e", f"{revision}^{{commit}}")
        except WorkspaceError as error:
            shutil.rmtree(part)
            raise NotFoundError(
                f"no run has the revision {revision}", "Check it: its run may be of another home."
            ) from error
        git(part, "checkout", "--quiet", "-b", f"run/{run_id}", revision)
        part.rename(place)
    workspace = open_workspace(settings, run_id)
    if data:
        workspace.fetch()
    return workspace


def require_run_id(run_id: str) -> None:
    """Do nothing, if it can name a run.

    Raises:
        InputError: it cannot.
    """
    if not _RUN.match(run_id):
        raise InputError(f"'{run_id}' cannot name a run", "Use lower case letters, digits, - and _, at most 63.")


def _place(settings: Settings, run_id: str) -> Path:
    require_run_id(run_id)
    return settings.home.absolute() / "registry" / "runs" / run_id


def _clone(settings: Settings, run_id: str) -> Path:
    """A clone that nobody uses yet, with DVC's folder in it. Its cache is shared, its locks are its own."""
    registry = settings.home.absolute() / "registry"
    origin = _origin(registry)
    part = Path(mkdtemp(prefix=f".{run_id}.", dir=make_folder(registry / "runs")))
    git(registry, "clone", "--quiet", str(origin), str(part))
    make_folder(part / ".dvc")
    _tell(settings, part)
    return part


def _tell(settings: Settings, folder: Path) -> None:
    """What DVC in a clone is told of this machine, anew whenever it is opened: where cache and remote are."""
    cache = settings.home.absolute() / "registry" / "cache"
    local = f'[cache]\n    dir = {cache}\n    type = "reflink,hardlink,copy"\n'
    remote = remote_of(settings)
    write_durably(folder / ".dvc" / "config.local", (local + (remote.section() if remote else "")).encode())


def _origin(registry: Path) -> Path:
    """The bare repository, made by whoever comes first."""
    origin = registry / "pipeline.git"
    if not origin.is_dir():
        part = Path(mkdtemp(prefix=".pipeline.", dir=make_folder(registry)))
        git(registry, "init", "--quiet", "--bare", "--initial-branch", "main", str(part))
        try:
            part.rename(origin)
        except OSError:  # another run came first
            shutil.rmtree(part)
    return origin


def _write_stages(shipped: Path, path: Path, students: Sequence[str]) -> None:
    """The shipped pipeline, without the stages that make another student (``meta: {student: …}``)."""
    document = yaml.safe_load(shipped.read_text(encoding="utf-8"))
    document["stages"] = {
        name: stage
        for name, stage in document["stages"].items()
        if (stage.get("meta") or {}).get("student") in (None, *students)
    }
    path.write_text(yaml.safe_dump(document, sort_keys=False, width=1000), encoding="utf-8")


def _outs(document: Any) -> list[dict[str, Any]]:
    """Outputs of a ``dvc.lock`` or ``.dvc`` file."""
    stages = document.get("stages", {}).values() if "stages" in document else [document]
    return [out for stage in stages for out in stage.get("outs", ())]
