"""What all training stages share: what names a training, where it may go on, and how its result is put down whole.

::

    data/<stage>/                 the result: weights, config.json, curves.csv, pictures/
    data/<stage>.json             figures, flat: a DVC metric
    data/.checkpoints/<stage>/    while it runs; removed with its end
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from herdbook.contracts.camera import Contract
from herdbook.contracts.digest import sha256_of
from herdbook.contracts.durable import disk_full_is_said, fsync_path, make_folder, replace_durably, write_durably
from herdbook.errors import NotFoundError
from herdbook.learning.training.checkpoint import Checkpoints
from herdbook.learning.training.curves import Curves
from herdbook.learning.training.loop import Task, Trained, train
from herdbook.learning.training.processes import is_first
from herdbook.learning.training.schedule import Schedule
from herdbook.learning.workspace.code import code_digests

Progress = Callable[[str, int, int], None]
"""Told what is being done, how many of it are done, of how many."""


@dataclass(frozen=True)
class Stage:
    """One run of a training stage."""

    name: str
    out: Path
    """Folder of the result."""
    progress: Progress = lambda what, done, total: None

    @property
    def working(self) -> Path:
        """Where checkpoints lie; never committed."""
        folder = make_folder(self.out.absolute().parent / ".checkpoints")
        if not (folder / ".gitignore").exists():
            write_durably(folder / ".gitignore", b"*\n")
        return folder / self.name

    def recipe(self, params: Contract, *inputs: Path) -> str:
        """Digest of all that the result depends on: parameters, input files, and the code of the stage.

        How many processes share a step's batches is none of it: a run may go on in another number.
        """
        said: dict[str, Any] = {
            "params": _however_many(params.model_dump(mode="json")),
            "inputs": [digest_of(path) for path in inputs],
            "code": code_digests().get(self.name),
        }
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    def learn(self, task: Task, schedule: Schedule, recipe: str, what: str = "") -> Trained:
        """Train, or go on with what was begun by the same recipe."""
        folder = make_folder(self.working) / (what or "main")
        curves = Curves(folder / f"{recipe[:32]}.jsonl")
        checkpoints = Checkpoints(folder, recipe)
        named = f"{self.name} {what}".strip()
        trained = train(task, schedule, checkpoints, curves, lambda done, total: self.progress(named, done, total))
        if is_first():
            curves.write(folder / "curves.csv")
        return trained

    def curves(self, what: str = "") -> Path:
        """Of a training that ended."""
        return self.working / (what or "main") / "curves.csv"

    def put_down(
        self, write: Callable[[Path], Mapping[str, float] | None], figures: Mapping[str, float], report: Path | None
    ) -> dict[str, float]:
        """Write the result as a whole, then its figures with those that writing it found, and forget the checkpoints.

        Of several processes the first does it.

        Raises:
            DiskFullError: no space is left; the checkpoints stay.
        """
        if not is_first():
            return dict(figures)
        part = self.out.with_name(f".{self.out.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        make_folder(part)
        with disk_full_is_said(self.out):
            figures = {**figures, **(write(part) or {})}
            if self.curves().is_file():
                shutil.copyfile(self.curves(), part / "curves.csv")
            for path in sorted(p for p in part.rglob("*") if p.is_file()):
                fsync_path(path)
            if self.out.exists():
                shutil.rmtree(self.out)
            replace_durably(part, self.out)
            if report is not None:
                said = {name: value for name, value in sorted(figures.items()) if math.isfinite(value)}
                write_durably(report.absolute(), (json.dumps(said, indent=1) + "\n").encode())
        shutil.rmtree(self.working, ignore_errors=True)
        return dict(figures)


def digest_of(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of a folder's files.

    Raises:
        NotFoundError: it is not there.
    """
    if path.is_file():
        return sha256_of(path)
    if not path.is_dir():
        raise NotFoundError(f"there is no {path}", "Run the stage that makes it first.")
    found = hashlib.sha256()
    for file in sorted(p for p in path.rglob("*") if p.is_file() and ".part" not in p.name):
        found.update(f"{file.relative_to(path).as_posix()}\0{sha256_of(file)}\n".encode())
    return found.hexdigest()


def _however_many(said: Any) -> Any:
    """Parameters without the number of processes, which is not what a result depends on; a step's batches are."""
    if isinstance(said, dict):
        if "processes" in said and "batches" in said:
            said = {**said, "batches": said["batches"] or said["processes"]}
            del said["processes"]
        return {name: _however_many(value) for name, value in said.items()}
    return said
