"""``herdbook learn retrain``: a training run from its sources to a challenger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from herdbook.cli.learn_dataset import Day, Disagreement, Farm, Golden, People, Site, Truth, gathered
from herdbook.cli.learning_python import go_on_in_learning_python
from herdbook.cli.output import JsonFlag, console, print_json, print_rows

if TYPE_CHECKING:
    from herdbook.learning.retrain.run import Listener, Retrained
    from herdbook.learning.retrain.stage import StageRun

ProfileName = Annotated[
    str | None, typer.Option(help="Profile of params.yaml; the file's own if not given.", show_default=False)
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="PATH=VALUE", help="Change a parameter of the profile, as distil.schedule.steps=900; repeat."
    ),
]


def retrain(
    *,
    run: Annotated[
        str | None, typer.Option(help="Name of the run; one of the time if not given.", show_default=False)
    ] = None,
    profile: ProfileName = None,
    change: Set = None,
    sources: Annotated[
        Path | None, typer.Option(help="Learn from these sources instead of those below.", show_default=False)
    ] = None,
    farm: Farm = None,
    site: Site = None,
    day: Day = None,
    truth: Truth = None,
    golden: Golden = None,
    people: People = None,
    disagreement: Disagreement = None,
    as_json: JsonFlag = False,
) -> None:
    """Run every stage in a workspace of its own, keep the run in MLflow, and register what comes out as challenger.

    Ended at any moment, the same command with the same --run goes on where it was; a finished run is only told. Each
    stage is a process of its own, and what another run made with the same code, parameters and inputs is not made
    again. The champion keeps its alias: `herdbook promote` or the DAG evaluate_promote decide about that.
    """
    go_on_in_learning_python()
    from herdbook.demo.lifetime import ends_with_us
    from herdbook.learning.datasets.sources import read_sources
    from herdbook.learning.params import load_params
    from herdbook.learning.retrain.overrides import parse_settings
    from herdbook.learning.retrain.run import new_run_id
    from herdbook.learning.retrain.run import retrain as work
    from herdbook.settings import get_settings

    values = parse_settings(change or ())
    name = run or new_run_id(load_params(profile=profile).profile)
    if not as_json:
        console.print(f"Run {name}")
    with ends_with_us():
        found = work(
            get_settings(),
            name,
            profile=profile,
            values=values,
            sources=lambda: (
                read_sources(sources)
                if sources
                else gathered(
                    farm=farm, site=site, day=day, truth=truth, golden=golden, people=people, disagreement=disagreement
                )
            ),
            listener=telling(),
        )
    _print(found, as_json=as_json)


def telling() -> Listener:
    """Tells on stderr which stage is at work."""
    from herdbook.learning.retrain.run import Listener

    class Telling(Listener):
        def begins(self, stage: str, number: int, count: int) -> None:
            console.print(f"[bold]{number}/{count} {stage}[/]")

        def ended(self, run: StageRun) -> None:
            console.print(f"[green]✓[/] {run.stage} [dim]{run.how}, {run.seconds:.1f} s[/]")

    return Telling()


def stage_rows(stages: tuple[StageRun, ...]) -> list[dict[str, Any]]:
    """Stages as rows of a table."""
    return [
        {
            "stage": s.stage,
            "how": s.how,
            "seconds": s.seconds,
            "peak_memory_bytes": s.peak_memory_bytes,
        }
        for s in stages
    ]


def _print(found: Retrained, *, as_json: bool) -> None:
    models = {version.model: version.number for version in found.versions}
    if as_json:
        print_json(
            {
                "run": found.run_id,
                "mlflow_run": found.mlflow_run_id,
                "revision": found.revision,
                "dirty": found.dirty,
                "finished_before": found.finished_before,
                "stages": stage_rows(found.stages),
                "registered": models,
            }
        )
        return
    if found.stages:
        print_rows(stage_rows(found.stages), as_json=False, title=f"{found.run_id} ({found.mlflow_run_id} in MLflow)")
    said = ", ".join(f"{model} version {number}" for model, number in models.items())
    before = "was finished before" if found.finished_before else "is finished"
    console.print(f"Run {found.run_id} {before}: " + (f"{said} is challenger." if said else "no model came out of it."))
    if found.dirty:
        console.print(
            "Code, parameters or lock file were changed and not committed: what it made can never be promoted."
        )
