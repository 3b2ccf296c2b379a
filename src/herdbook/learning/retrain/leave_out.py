"""Leave one farm out: for every farm a student that never saw it, judged on it, beside the baseline on the same clips.

Each is a run of its own, whose dataset holds the farm out as the test side (`DatasetPlan.held_out`); its pipeline's own
evaluation is of that side. Farms are what the result speaks of, so they are the sample: means over farms have Student's
interval, each farm counting alike, and chance of training is part of the spread (docs/adr/0145).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from herdbook.contracts.camera import Contract
from herdbook.contracts.durable import make_folder, write_durably
from herdbook.errors import ConfigurationError, EmptyDatasetError
from herdbook.learning.datasets.sources import SourceList, resolve
from herdbook.learning.evaluation.bootstrap import CONFIDENCE
from herdbook.learning.evaluation.compare import Estimate
from herdbook.learning.evaluation.figures import FIGURES
from herdbook.learning.evaluation.report import Report, compare, read_report
from herdbook.learning.evaluation.run import REPORT
from herdbook.learning.params import Params
from herdbook.learning.registry.origin import take_origin
from herdbook.learning.retrain.ablate import FIGURES as SHOWN
from herdbook.learning.retrain.ablate import gathered_once
from herdbook.learning.retrain.ablation_table import mean_estimate, said
from herdbook.learning.retrain.baselines import judge_baselines, judging_scenes
from herdbook.learning.retrain.overrides import override
from herdbook.learning.retrain.pipeline import stages_of
from herdbook.learning.retrain.run import Listener, only_one, recorded, retrain
from herdbook.learning.workspace import open_workspace
from herdbook.settings import Settings

HELD_OUT = "dataset.held_out"

Figures = dict[str, float | None]


class LeftOut(Contract):
    """One farm, by a student that did not learn from it."""

    farm: str
    sequences: int = Field(ge=1)
    student: Figures
    baseline: Figures


class OverFarms(Contract):
    """One figure over the farms."""

    student: Estimate
    baseline: Estimate
    difference: Estimate
    """Student less baseline, paired by farm."""


class LeaveOut(Contract):
    """The table."""

    baseline: str
    farms: tuple[LeftOut, ...] = Field(min_length=1)
    figures: dict[str, OverFarms]


def leave_out(
    settings: Settings,
    run_id: str,
    params: Params,
    *,
    values: Mapping[str, Any],
    sources: Callable[[], SourceList],
    farms: Sequence[str] = (),
    listener: Listener | None = None,
) -> tuple[LeaveOut, Path]:
    """Train once per farm, without it, and judge on it. Ended at any moment, the same call goes on.

    Args:
        settings: where the registry is.
        run_id: names it; its runs are named after it and the farm.
        params: of every run.
        values: parameters that are changed in all runs.
        sources: gathers what there is to learn from; asked once.
        farms: leave out these only; every farm with labelled clips if none is named.
        listener: is told how it goes.

    Returns:
        The table, and the folder with ``leave-out.json`` and ``leave-out.md``.

    Raises:
        ConfigurationError: a farm has no labelled clips, or is the only one.
        HerdbookError: a run failed.
    """
    origin, folder = take_origin(), settings.registry.absolute() / "leave-out" / run_id
    with only_one(settings, run_id), recorded(settings, run_id, origin) as (run, _):
        given = gathered_once(make_folder(folder) / "sources.json", sources)
        chosen = _farms(settings, given, farms)
        run.params({"profile": params.profile, "farms": list(chosen), "set": dict(values)})
        found = []
        for farm in chosen:
            name = f"{run_id}-{farm}"
            retrain(
                settings,
                name,
                params=override(params, {**values, HELD_OUT: [farm]}),
                sources=lambda: given,
                listener=listener,
                tags={"mlflow.parentRunId": run.run_id, "herdbook.left_out": farm},
                register=False,
            )
            found.append(_judged(settings, name, farm, folder))
        table = over_farms(found)
        write_durably(folder / "leave-out.json", (table.model_dump_json(indent=1) + "\n").encode())
        write_durably(folder / "leave-out.md", markdown(table, SHOWN).encode())
        run.file(folder / "leave-out.json", "leave-out")
        run.file(folder / "leave-out.md", "leave-out")
        run.metrics({f"{one.farm}/{n}": v for one in table.farms for n, v in one.student.items() if v is not None})
    return table, folder


def over_farms(farms: Sequence[LeftOut], baseline: str = "motion") -> LeaveOut:
    """The table: every figure's mean over farms, of both sides and of their difference."""
    figures = {}
    for name, figure in FIGURES.items():
        student, other = (
            np.array([np.nan if said[name] is None else said[name] for said in side])
            for side in ([one.student for one in farms], [one.baseline for one in farms])
        )
        reach = figure.high - figure.low
        figures[name] = OverFarms(
            student=_cut(mean_estimate(student), figure.low, figure.high),
            baseline=_cut(mean_estimate(other), figure.low, figure.high),
            difference=_cut(mean_estimate(student - other), -reach, reach),
        )
    return LeaveOut(baseline=baseline, farms=tuple(farms), figures=figures)


def markdown(table: LeaveOut, figures: Sequence[str]) -> str:
    """For people: two rows a farm, then both means over farms and the difference."""

    figures = [name for name in figures if any(one.student[name] is not None for one in table.farms)]

    def row(*cells: str) -> str:
        return f"| {' | '.join(cells)} |"

    def of(values: Figures) -> list[str]:
        return ["" if (value := values[name]) is None else f"{value:.3f}" for name in figures]

    lines = [row("farm left out", "engine", "clips", *figures), row(*["---"] * (3 + len(figures)))]
    for one in table.farms:
        lines.append(row(f"**{one.farm}**", "student", str(one.sequences), *of(one.student)))
        lines.append(row("", table.baseline, str(one.sequences), *of(one.baseline)))
    for label, side in (("student", "student"), (table.baseline, "baseline"), ("difference", "difference")):
        lines.append(row("**over farms**", label, "", *(said(getattr(table.figures[n], side)) for n in figures)))
    return (
        "# Leave one farm out\n\n"
        f"{len(table.farms)} farms, each judged by a student that did not learn from it. Means over farms, every farm "
        f"counting alike, with {CONFIDENCE:.0%} intervals over farms (Student's t); the difference is paired by farm."
        "\n\n" + "\n".join(lines) + "\n"
    )


def _farms(settings: Settings, sources: SourceList, asked: Sequence[str]) -> tuple[str, ...]:
    """Farms that can be judged: there are labels of their clips."""
    inputs = resolve(settings, sources)
    every = {clip.site for clip in inputs.clips}
    labelled = {
        clip.site
        for clip in inputs.clips
        if any(source.of_clip(clip, (), masks=False) is not None for source in inputs.labels)
    }
    if not labelled:
        raise EmptyDatasetError("no clip has labels to judge by", "Name some: --truth or --golden.")
    if unknown := set(asked) - labelled:
        raise ConfigurationError(
            f"farm '{min(unknown)}' has no labelled clips to be judged on", f"There are: {', '.join(sorted(labelled))}."
        )
    if len(every) < 2:
        raise ConfigurationError(f"{min(every)} is the only farm: nothing is left to learn from", "Add farms.")
    return tuple(sorted(set(asked) or labelled))


def _judged(settings: Settings, run_id: str, farm: str, folder: Path) -> LeftOut:
    """What the farm's run came to on it, and the baseline on the same clips."""
    workspace = open_workspace(settings, run_id).folder
    found = next((path for s in stages_of(workspace) if (path := s.folder / REPORT).is_file()), None)
    if found is None:
        raise ConfigurationError(f"run {run_id} has no evaluation", "The pipeline needs a stage that evaluates.")
    student = read_report(found)
    if {sequence.farm for sequence in student.sequences} != {farm}:  # without test clips others are judged by
        raise EmptyDatasetError(
            f"run {run_id} kept no labelled clip of {farm} to judge by", "Build the dataset with keep_clips."
        )
    scenes, place = judging_scenes(workspace, None), folder / farm
    (baseline,) = judge_baselines(settings, scenes, place, data=farm, protocol=student.protocol)[0].values()
    compare(student, baseline)  # refuses what was not judged alike
    return LeftOut(farm=farm, sequences=len(student.sequences), student=_figures(student), baseline=_figures(baseline))


def _figures(report: Report) -> Figures:
    return {name: figure.value for name, figure in report.overall.figures.items()}


def _cut(estimate: Estimate, low: float, high: float) -> Estimate:
    if estimate.low is None or estimate.high is None:
        return estimate
    return estimate.model_copy(update={"low": max(low, estimate.low), "high": min(high, estimate.high)})
