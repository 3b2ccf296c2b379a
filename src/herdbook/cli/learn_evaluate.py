"""``herdbook learn evaluate``: an engine judged on clips with truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from herdbook.cli.output import JsonFlag, console, print_json, print_rows

if TYPE_CHECKING:
    from rich.progress import Progress

    from herdbook.learning.evaluation.report import Comparison, Report
    from herdbook.settings import Settings


def evaluate(
    folder: Annotated[
        Path, typer.Argument(help="Clips with truth: a simulated farm or suite, one split of it, or a dataset.")
    ],
    out: Annotated[Path, typer.Argument(help="Folder for evaluation.json, evaluation.md and pictures.")],
    *,
    engine: Annotated[
        Path | None,
        typer.Option(
            help="YAML of the engine: `release` and other keys of device.yaml, and `models`, the files it loads. "
            "The engine motion if not given.",
            show_default=False,
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(help="evaluation.json of another engine on the same clips, to set beside.", show_default=False),
    ] = None,
    costs: Annotated[
        Path | None,
        typer.Option(help="YAML of parameters and footprints, if not in the engine's.", show_default=False),
    ] = None,
    iou: Annotated[float, typer.Option(help="Least overlap of a match, above 0 and up to 1.")] = 0.5,
    long_s: Annotated[float, typer.Option(help="Clips of at least so many seconds judge lasting identity.")] = 300.0,
    model: Annotated[
        str | None, typer.Option(help="Registered model to keep the evaluation with.", show_default=False)
    ] = None,
    version: Annotated[int | None, typer.Option(help="Its version; the challenger if not given.")] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write the overall figures to this file too, as JSON.", show_default=False)
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Tracking, behaviour, calibration and re-identification of an engine, with 95 % intervals and slices.

    The engine runs as on a device, clip by clip. Interrupted, the same command goes on; what was recorded before with
    the same clip, engine and code is not recorded again. What each figure means is in docs/metrics.md.
    """
    from herdbook.contracts.durable import write_durably
    from herdbook.learning.datasets.manifest import FILE
    from herdbook.learning.evaluation.dataset_scenes import dataset_scenes
    from herdbook.learning.evaluation.engine_file import read_costs, read_engine
    from herdbook.learning.evaluation.predictions import Engine
    from herdbook.learning.evaluation.run import REPORT
    from herdbook.learning.evaluation.run import evaluate as run
    from herdbook.learning.evaluation.scenes import find_scenes
    from herdbook.learning.evaluation.table import markdown
    from herdbook.settings import get_settings

    settings = get_settings()
    judged = read_engine(engine) if engine else Engine()
    told = costs or engine
    parameters, footprints = read_costs(told) if told else (None, ())
    scenes = dataset_scenes(folder) if (folder / FILE).is_file() else find_scenes(folder)
    with _progress() as bar:
        task = bar.add_task("clips", total=len(scenes))
        found = run(
            scenes,
            judged,
            out,
            data=folder.absolute().name,
            cache=settings.registry / "predictions",
            iou=iou,
            long_s=long_s,
            parameters=parameters,
            footprints=footprints,
            progress=lambda done, total: bar.update(task, completed=done),
        )
    comparison = _beside(found, against)
    (out / "evaluation.md").write_text(markdown(found, comparison), encoding="utf-8")
    if report is not None:
        values = {name: figure.value for name, figure in found.overall.figures.items() if figure.value is not None}
        write_durably(report.absolute(), (json.dumps(values, indent=1) + "\n").encode())
    if model is not None:
        _keep(settings, out / REPORT, model, version)
    if as_json:
        plain = found.model_dump(mode="json", exclude={"judgements"})
        print_json(plain | {"comparison": comparison.model_dump(mode="json") if comparison else None})
        return
    _print(found)
    if comparison is not None:
        from herdbook.learning.evaluation.table import rows_of

        print_rows(rows_of(comparison.overall), as_json=False, title=f"less {against}")
    console.print(f"{out}: evaluation.json, evaluation.md and {len(found.failures)} pictures.", soft_wrap=True)


def _beside(report: Report, against: Path | None) -> Comparison | None:
    from herdbook.learning.evaluation.report import compare, read_report

    return compare(report, read_report(against)) if against else None


def _keep(settings: Settings, path: Path, model: str, version: int | None) -> None:
    from herdbook.learning.registry.evidence import attach_evaluation
    from herdbook.learning.registry.models import CHALLENGER, require

    attach_evaluation(settings, require(settings, model, version or CHALLENGER), path)


def _print(report: Report) -> None:
    from herdbook.learning.evaluation.table import rows_of, slice_rows

    title = f"{report.engine.release.release_id} on {report.data}: {report.overall.sequences} sequences"
    print_rows(rows_of(report.overall), as_json=False, title=title)
    if report.slices:
        print_rows(slice_rows(report.slices), as_json=False, title="by slice")


def _progress() -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True)
