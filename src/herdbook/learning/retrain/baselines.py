"""Engines that nobody trains here, on the clips that trained ones were judged on: what they stand beside."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from herdbook.errors import InputError
from herdbook.learning.datasets.manifest import FILE
from herdbook.learning.evaluation.dataset_scenes import dataset_scenes
from herdbook.learning.evaluation.engine_file import read_costs, read_engine
from herdbook.learning.evaluation.predictions import Engine
from herdbook.learning.evaluation.report import Protocol, Report
from herdbook.learning.evaluation.run import evaluate
from herdbook.learning.evaluation.scenes import Scene, find_scenes
from herdbook.learning.registry.models import CHAMPION, download, find
from herdbook.learning.registry.trial import require_unseen
from herdbook.settings import Settings

_DATASET = Path("data", "dataset")


def judging_scenes(workspace: Path, named: Path | None) -> list[Scene]:
    """The scenes that a run is judged on: those named, else its own dataset's; none where it has no real dataset."""
    if named is not None:
        return find_scenes(named)
    own = workspace / _DATASET
    return dataset_scenes(own) if (own / FILE).is_file() else []


def judge_baselines(
    settings: Settings,
    scenes: Sequence[Scene],
    folder: Path,
    *,
    data: str,
    protocol: Protocol,
    model: str | None = None,
) -> tuple[dict[str, Report], list[str]]:
    """``(motion)``, and ``(champion N)`` of a registered model where it has one that did not learn from the scenes.

    Args:
        settings: where registry and predictions are.
        scenes: with truth, at least one.
        folder: of the evaluations.
        data: what the scenes are called.
        protocol: of those that they stand beside.
        model: whose champion; none is asked for if not given.

    Returns:
        Reports by name, and what to remark about them.

    Raises:
        RegistryError: the registry cannot be used.
    """

    def judged(name: str, file: Path | None) -> Report:
        parameters, footprints = read_costs(file) if file else (None, ())
        return evaluate(
            scenes,
            read_engine(file) if file else Engine(),
            folder / name,
            data=data,
            cache=settings.registry / "predictions",
            iou=protocol.iou,
            long_s=protocol.long_s,
            parameters=parameters,
            footprints=footprints,
            pictures=0,
        )

    found, remarks = {"(motion)": judged("motion", None)}, []
    champion = find(settings, model, CHAMPION) if model else None
    if champion is not None:
        name = f"champion {champion.number}"
        try:
            require_unseen(settings, champion, scenes)
        except InputError as error:
            remarks.append(f"The {name} is not in the table: {error.message}.")
        else:
            with tempfile.TemporaryDirectory() as place:
                release = download(settings, champion, Path(place)) / "engine.yaml"
                found[f"({name})"] = judged(name.replace(" ", "-"), release)
    return found, remarks
