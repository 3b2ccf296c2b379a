"""The stages of a ``dvc.yaml``, in the order in which they run, and where each leaves what a run keeps."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

from herdbook.errors import ConfigurationError, FileFormatError


@dataclass(frozen=True)
class Stage:
    """One stage of a workspace.

    It writes a folder below ``data/``, with ``curves.csv`` and ``pictures/`` in it, and its figures as JSON beside.
    """

    name: str
    workspace: Path
    outs: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """Of its results: what it writes, and ``data/<name>`` where that is not a folder."""
        written = (self.workspace / out for out in self.outs)
        return next((path for path in written if path.is_dir()), self.workspace / "data" / self.name)

    @property
    def figures_file(self) -> Path:
        """The JSON file among what it writes, else ``data/<name>.json``."""
        said = next((out for out in self.outs if out.endswith(".json")), f"data/{self.name}.json")
        return self.workspace / said

    def figures(self) -> dict[str, float]:
        """The numbers of its JSON file, nested ones with dotted names; empty where there is no such file.

        Raises:
            FileFormatError: it is not JSON.
        """
        path = self.figures_file
        if not path.is_file():
            return {}
        try:
            return dict(_numbers(json.loads(path.read_text(encoding="utf-8"))))
        except (ValueError, UnicodeError) as error:
            raise FileFormatError(f"{path} is not JSON: {error}", f"Run the stage {self.name} again.") from error

    def curves(self) -> Iterator[tuple[int, dict[str, float]]]:
        """Points of ``curves.csv``: the step, and its figures.

        Raises:
            FileFormatError: it has no column ``step``, or one that holds no number.
        """
        path = self.folder / "curves.csv"
        if not path.is_file():
            return
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                try:
                    step = int(row.pop("step"))
                    yield step, {name: float(value) for name, value in row.items() if value}
                except (KeyError, TypeError, ValueError) as error:
                    raise FileFormatError(f"{path} is no table of curves: {row}") from error

    def pictures(self) -> list[Path]:
        """Its pictures, by name."""
        return sorted((self.folder / "pictures").glob("*.png"))

    @property
    def changed_at_ms(self) -> int:
        """When its figures were written, milliseconds since 1970: the time of its points, the same in every try."""
        there = [path for path in (self.figures_file, self.folder) if path.exists()]
        return max((path.stat().st_mtime_ns for path in there), default=0) // 1_000_000


def stages_of(workspace: Path) -> list[Stage]:
    """Stages of a workspace's ``dvc.yaml``, each after those it depends on, else as they are written.

    Raises:
        ConfigurationError: the file cannot be read, or stages wait for each other.
    """
    path = workspace / "dvc.yaml"
    try:
        said: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))["stages"]
        outs = {name: tuple(_paths(stage, "outs", "metrics", "plots")) for name, stage in said.items()}
        makers = {out: name for name, paths in outs.items() for out in paths}
        needed = {name: [_maker(dep, makers) for dep in _paths(stage, "deps")] for name, stage in said.items()}
    except (OSError, UnicodeError, yaml.YAMLError, TypeError, KeyError, AttributeError) as error:
        raise ConfigurationError(f"{path} is no pipeline: {error!r}") from error
    order: list[str] = []
    try:
        sorter = TopologicalSorter({name: [one for one in names if one] for name, names in needed.items()})
        sorter.prepare()
    except CycleError as error:
        raise ConfigurationError(f"{path}: stages wait for each other: {' → '.join(error.args[1])}") from error
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=list(said).index)
        order += ready
        sorter.done(*ready)
    return [Stage(name, workspace, outs[name]) for name in order]


def _paths(stage: dict[str, Any], *kinds: str) -> Iterator[str]:
    for kind in kinds:
        for one in stage.get(kind) or ():
            yield one if isinstance(one, str) else next(iter(one))


def _maker(dep: str, makers: dict[str, str]) -> str | None:
    """The stage that writes a path, or a folder above it."""
    return next((makers[str(p)] for p in (Path(dep), *Path(dep).parents) if str(p) in makers), None)


def _numbers(document: Any, prefix: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(document, dict):
        for name, value in document.items():
            yield from _numbers(value, f"{prefix}.{name}" if prefix else str(name))
    elif isinstance(document, int | float) and math.isfinite(document):
        yield prefix, float(document)
