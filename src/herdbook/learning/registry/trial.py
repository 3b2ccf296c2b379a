"""A contest from the registry alone: fetch challenger and champion, evaluate both on the same scenes, judge."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from herdbook.contracts.digest import sha256_of
from herdbook.contracts.durable import make_folder, write_durably
from herdbook.errors import InputError, NotFoundError
from herdbook.learning.evaluation.engine_file import read_costs, read_engine
from herdbook.learning.evaluation.predictions import Engine
from herdbook.learning.evaluation.report import Report, read_report
from herdbook.learning.evaluation.run import REPORT, evaluate
from herdbook.learning.evaluation.scenes import Scene
from herdbook.learning.evaluation.table import markdown, side_by_side
from herdbook.learning.registry.contest import Contest, hold
from herdbook.learning.registry.evidence import BESIDE, attach_evaluation
from herdbook.learning.registry.gates import Gates
from herdbook.learning.registry.models import CHAMPION, Version, download, find, require
from herdbook.learning.registry.store import open_store, registry_errors_are_said
from herdbook.settings import Settings

SOURCES = "run/sources.json"
"""Where a run keeps what it learned from."""

Progress = Callable[[str, int, int], None]
"""Told what is evaluated, how many scenes are done, of how many."""


@dataclass(frozen=True)
class Trial:
    """A contest, the two evaluations that it was decided by, and all that stand beside the challenger's."""

    contest: Contest
    report: Path
    against: Path
    beside: Mapping[str, Path]
    """Evaluations on the same scenes by name: ``challenger``, ``champion`` where there is one, and the baseline."""


def hold_trial(
    settings: Settings,
    model: str,
    which: int | str,
    gates: Gates,
    scenes: Sequence[Scene],
    *,
    data: str,
    progress: Progress = lambda what, done, total: None,
) -> Trial:
    """Evaluate a version, the champion if there is one, and the baseline; keep the evaluations, and judge.

    The version is judged against the champion, the first against the baseline. All stand in one table, ``beside.md``,
    which is kept with the version's evaluation. Nothing is promoted.
    Interrupted, the same call goes on: recorded scenes are kept.

    Args:
        settings: where the registry is.
        model: its name.
        which: number or alias of the challenger.
        gates: what it takes.
        scenes: with truth.
        data: what the scenes are called.
        progress: told after each scene.

    Raises:
        NotFoundError: there is no such version.
        InputError: the challenger learned from one of the scenes.
        RegistryError: the registry cannot be used.
    """
    version, champion = require(settings, model, which), find(settings, model, CHAMPION)
    require_unseen(settings, version, scenes)
    place = settings.registry / "evaluations"

    def judged(name: str, file: Path | None) -> Path:
        engine = read_engine(file) if file else Engine()
        parameters, footprints = read_costs(file) if file else (None, ())
        out = make_folder(place / f"{engine.digest[:16]}-{_key(scenes)}")
        report: Report = evaluate(
            scenes,
            engine,
            out,
            data=data,
            cache=settings.registry / "predictions",
            parameters=parameters,
            footprints=footprints,
            progress=lambda done, total: progress(name, done, total),
        )
        (out / "evaluation.md").write_text(markdown(report), encoding="utf-8")
        return out / REPORT

    def of_version(one: Version) -> Path:
        with tempfile.TemporaryDirectory() as folder:
            return judged(f"{model} {one.number}", download(settings, one, Path(folder)) / "engine.yaml")

    mine = of_version(version)
    found = {"challenger": mine} | ({"champion": of_version(champion)} if champion else {})
    found[gates.first.engine] = judged(gates.first.engine, None)
    table = side_by_side([read_report(path) for path in found.values()], list(found))
    write_durably(mine.parent / BESIDE, table.encode())
    attach_evaluation(settings, version, mine)
    if champion:
        attach_evaluation(settings, champion, found["champion"])
    other = found["champion" if champion else gates.first.engine]
    contest = hold(settings, model, version.number, gates, report=mine, against=other)
    return Trial(contest, mine, other, found)


def require_unseen(settings: Settings, version: Version, scenes: Sequence[Scene]) -> None:
    """Do nothing, if no scene is of a clip that the version's run learned from; versions of elsewhere say nothing.

    Raises:
        InputError: one is.
    """
    client = open_store(settings)
    with tempfile.TemporaryDirectory() as folder, registry_errors_are_said(settings):
        there = {file.path for file in client.list_artifacts(version.run_id, str(Path(SOURCES).parent))}
        if SOURCES not in there:
            return
        said = json.loads(Path(client.download_artifacts(version.run_id, SOURCES, folder)).read_bytes())
    learned = set(said.get("clips", {}).values())
    seen = next((scene.sequence_id for scene in scenes if sha256_of(scene.clip) in learned), None)
    if seen is not None:
        raise InputError(
            f"{version.model} version {version.number} learned from {seen}, on which it should be judged",
            "Judge it on scenes that no dataset is drawn from.",
        )


def _key(scenes: Sequence[Scene]) -> str:
    """A short name of a set of scenes."""
    if not scenes:
        raise NotFoundError("there is no scene to judge by", "Name a folder of clips with truth.")
    return hashlib.sha256("\n".join(sha256_of(scene.clip) for scene in scenes).encode()).hexdigest()[:16]
