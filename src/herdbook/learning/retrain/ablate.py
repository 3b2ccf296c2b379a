"""Arms of distillation side by side: every arm with every seed is a run of its own, a child of one run in MLflow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from herdbook.contracts.durable import make_folder, write_durably
from herdbook.errors import ConfigurationError
from herdbook.learning.datasets.sources import SourceList, read_sources, write_sources
from herdbook.learning.evaluation.engine_file import read_costs, read_engine
from herdbook.learning.evaluation.report import Report, read_report
from herdbook.learning.evaluation.run import REPORT, evaluate
from herdbook.learning.evaluation.scenes import find_scenes
from herdbook.learning.params import AblationParams, Arm, Params
from herdbook.learning.registry.origin import take_origin
from herdbook.learning.retrain.ablation_table import Ablation, compare_arms, markdown
from herdbook.learning.retrain.baselines import judge_baselines, judging_scenes
from herdbook.learning.retrain.overrides import override
from herdbook.learning.retrain.pipeline import stages_of
from herdbook.learning.retrain.record import MODEL_OF
from herdbook.learning.retrain.run import Listener, only_one, recorded, retrain
from herdbook.learning.workspace import open_workspace
from herdbook.settings import Settings

FIGURES = ("mota", "idf1", "hota", "idf1_long", "behaviour_macro_f1", "reid_rank1")
"""Columns of the table for people, where there are values; the JSON has all."""


def ablate(
    settings: Settings,
    run_id: str,
    params: Params,
    *,
    values: Mapping[str, Any],
    seeds: Sequence[int] = (),
    arms: Sequence[str] = (),
    sources: Callable[[], SourceList],
    scenes: Path | None = None,
    listener: Listener | None = None,
) -> tuple[Ablation, Path]:
    """Run every arm with every seed, and compare them. Ended at any moment, the same call goes on.

    `motion` and the champion stand in the same table, on the same clips.

    What arms have in common is made once: their workspaces share the cache.

    Args:
        settings: where the registry is.
        run_id: names the ablation; its runs are named after it.
        params: with a section ``ablation``.
        values: parameters that are changed in all arms.
        seeds: others than the section's, at least three.
        arms: only these, beside the reference.
        sources: gathers what all arms learn from; asked once.
        scenes: clips with truth on which arms are judged; their pipeline's own evaluation counts if not given.
        listener: is told how it goes.

    Returns:
        The table, and the folder with ``ablation.json`` and ``ablation.md``.

    Raises:
        ConfigurationError: there is no such section or arm, or too few seeds.
        HerdbookError: a run failed.
    """
    plan = _plan(params, seeds, arms)
    origin, folder = take_origin(), settings.registry.absolute() / "ablations" / run_id
    runs = {arm.name: [f"{run_id}-{arm.name}-s{seed}" for seed in plan.seeds] for arm in plan.arms}
    with only_one(settings, run_id), recorded(settings, run_id, origin) as (run, _):
        given = gathered_once(make_folder(folder) / "sources.json", sources)
        run.params({"profile": params.profile, "ablation": plan.model_dump(mode="json"), "set": dict(values)})
        for place, seed in enumerate(plan.seeds):
            for arm in plan.arms:
                retrain(
                    settings,
                    runs[arm.name][place],
                    params=override(params, {**values, **arm.set, **dict.fromkeys(plan.vary, seed)}),
                    sources=lambda: given,
                    listener=listener,
                    tags={"mlflow.parentRunId": run.run_id, "herdbook.arm": arm.name},
                    register=False,
                )
        reports = {arm: [_report(settings, name, folder, scenes) for name in names] for arm, names in runs.items()}
        reference = reports[plan.arms[0].name][0]
        others, remarks = _beside(settings, runs[plan.arms[0].name][0], folder, scenes, reference)
        table = compare_arms(reports, plan.seeds, plan.arms[0].name, others)
        table = table.model_copy(update={"remarks": tuple(remarks)})
        write_durably(folder / "ablation.json", (table.model_dump_json(indent=1) + "\n").encode())
        write_durably(folder / "ablation.md", markdown(table, FIGURES).encode())
        run.file(folder, "ablation")
        run.metrics({f"{arm}/{n}": figure.mean.value for arm, mine in table.arms.items() for n, figure in mine.items()})
    return table, folder


def _plan(params: Params, seeds: Sequence[int], arms: Sequence[str]) -> AblationParams:
    said = params.ablation
    if said is None:
        raise ConfigurationError("params.yaml has no section 'ablation'", "Name the arms there: name, set.")
    unknown = set(arms) - {arm.name for arm in said.arms}
    if unknown:
        raise ConfigurationError(
            f"there is no arm '{min(unknown)}'", f"There are: {', '.join(arm.name for arm in said.arms)}."
        )
    chosen: tuple[Arm, ...] = tuple(a for k, a in enumerate(said.arms) if not arms or not k or a.name in arms)
    used = tuple(seeds) or said.seeds
    if len(set(used)) < 3:
        raise ConfigurationError("fewer than three seeds say nothing of chance", "Name three seeds or more.")
    return said.model_copy(update={"arms": chosen, "seeds": used})


def gathered_once(path: Path, gather: Callable[[], SourceList]) -> SourceList:
    """What was gathered when it began: all runs learn from the same."""
    if not path.is_file():
        write_sources(path, gather())
    return read_sources(path)


def _report(settings: Settings, run_id: str, folder: Path, scenes: Path | None) -> Report:
    """What the run's release is worth on the scenes; where none are named, what its pipeline found."""
    folders = [stage.folder for stage in stages_of(open_workspace(settings, run_id).folder)]
    done = next((path for made in folders if (path := made / REPORT).is_file()), None)
    if done is not None and scenes is None:
        return read_report(done)
    release = next((path for made in folders if (path := made / "engine.yaml").is_file()), None)
    if release is None or scenes is None:
        raise ConfigurationError(
            f"run {run_id} has no evaluation to compare",
            "Name clips with truth with --scenes or HERDBOOK_EVALUATION_SCENES.",
        )
    engine, (parameters, footprints) = read_engine(release), read_costs(release)
    return evaluate(
        find_scenes(scenes),
        engine,
        folder / run_id,
        data=scenes.absolute().name,
        cache=settings.registry / "predictions",
        parameters=parameters,
        footprints=footprints,
        pictures=0,
    )


def _beside(
    settings: Settings, run_id: str, folder: Path, scenes: Path | None, reference: Report
) -> tuple[dict[str, Report], list[str]]:
    """The baseline and the champion of that kind of engine, where the arms were judged on clips."""
    found = judging_scenes(open_workspace(settings, run_id).folder, scenes)
    if not found:
        return {}, ["There were no clips to show to the engine motion and to the champion."]
    model = MODEL_OF.get(reference.engine.release.engine)
    return judge_baselines(
        settings, found, folder / "baselines", data=reference.data, protocol=reference.protocol, model=model
    )
