"""``herdbook fleet release``: a version of a model, made ready for devices and published."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from herdbook.cli.learning_python import go_on_in_learning_python
from herdbook.cli.output import JsonFlag, console, print_json, print_rows

if TYPE_CHECKING:
    from herdbook.contracts.release import Release
    from herdbook.learning.release.make import Plan
    from herdbook.settings import Settings

MOTION = "motion"


def release(
    which: Annotated[
        str,
        typer.Argument(
            metavar="MODEL[@champion|@N]",
            help="A version of a model, for example herdbook-compact@3; the champion if only the model is named. "
            "Or motion, the engine that learns nothing.",
        ),
    ],
    *,
    precision: Annotated[
        Literal["fp32", "fp16", "int8"],
        typer.Option(help="The smallest that is used: fp16 leaves int8 out, fp32 both."),
    ] = "int8",
    lab: Annotated[
        bool, typer.Option("--lab", help="Release a version that was never champion; its name will say so.")
    ] = False,
    few_frames: Annotated[
        bool, typer.Option("--few-frames", help="For demos: calibrate int8 on fewer than 500 frames.")
    ] = False,
    dataset: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="A dataset of the site; the one that the version learned from if not given.",
            show_default=False,
        ),
    ] = None,
    recipes: Annotated[
        Path | None,
        typer.Option(help="Recipes of your own per kind of device; the shipped ones if not given.", show_default=False),
    ] = None,
    alerts: Annotated[
        Path | None,
        typer.Option(
            help="Alert rules of your own; the shipped ones of the ethogram if not given.", show_default=False
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be released; make nothing.")] = False,
    publish: Annotated[bool, typer.Option("--publish/--no-publish", help="Sign it and let devices fetch it.")] = True,
    as_json: JsonFlag = False,
) -> None:
    """Make a release and publish it: graphs checked against torch, recipes per kind of device, parity fixtures, what
    every precision costs, provenance. Nobody runs it until a rollout assigns it.

    The version must come from committed code and have been champion. The same version gives the same release, to the
    byte, so the command may be given again.
    """
    go_on_in_learning_python()
    from herdbook.cli.progress import steps_bar
    from herdbook.contracts.release import Precision
    from herdbook.learning.release.make import make_release, plan_release
    from herdbook.learning.release.version import named
    from herdbook.settings import get_settings

    settings = get_settings()
    if which == MOTION:
        _release_motion(settings, recipes, alerts, dry_run=dry_run, publish=publish, as_json=as_json)
        return
    model, number = named(which)
    if dry_run:
        plan = plan_release(
            settings, model, number, smallest=Precision(precision), lab=lab, dataset=dataset, recipes=recipes
        )
        _show_plan(plan, as_json=as_json)
        return
    with steps_bar(log=True) as progress:
        folder = make_release(
            settings,
            model,
            number,
            smallest=Precision(precision),
            lab=lab,
            few_frames=few_frames,
            dataset=dataset,
            recipes=recipes,
            alerts=alerts,
            progress=progress,
        )
    _finish(settings, folder, publish=publish, as_json=as_json)


def _release_motion(
    settings: Settings, recipes: Path | None, alerts: Path | None, *, dry_run: bool, publish: bool, as_json: bool
) -> None:
    from herdbook.learning.release.motion import make_motion

    if dry_run:
        console.print("A release of engine motion: no networks, nothing to calibrate. Nothing was made.")
        return
    _finish(settings, make_motion(settings, recipes=recipes, alerts=alerts), publish=publish, as_json=as_json)


def _finish(settings: Settings, folder: Path, *, publish: bool, as_json: bool) -> None:
    from herdbook.learning.release.document import read_release

    made = read_release(folder)
    if publish:
        from herdbook.fleet.trust import publish_release

        publish_release(settings, folder)
    _show(made, folder, published=publish, as_json=as_json)


def _show(made: Release, folder: Path, *, published: bool, as_json: bool) -> None:
    if as_json:
        print_json({"folder": str(folder), "published": published, "release": made.model_dump(mode="json")})
        return
    sizes = {file.name: file.bytes for file in made.files}
    rows = [
        {
            "network": network.role,
            "precision": network.precision.value,
            "MB": f"{sizes[network.file] / 1e6:.2f}",
            "differs by": f"{network.largest_error:.2g}",
            "from": "torch" if network.allowed_error is not None else "fp32",
        }
        for network in made.networks
    ]
    if rows:
        print_rows(rows, as_json=False, title=made.use.release_id)
    costs = [
        {
            "precision": cost.precision.value,
            **{name: f"{cost.fp32[name]:.3f} {change:+.3f}" for name, change in cost.difference.items()},
        }
        for cost in made.accuracy
    ]
    if costs:
        print_rows(costs, as_json=False, title=f"against fp32, on {made.accuracy[0].frames} frames")
    if made.calibration is not None and made.calibration.frames < 500:
        console.print(f"[yellow]Calibrated on {made.calibration.frames} frames only[/]: for a demo, not for a farm.")
    if made.lab:
        console.print("[yellow]For the lab[/]: this version was never champion.")
    console.print(f"{made.use.release_id} lies in {folder}{' and is published' if published else ''}.")


def _show_plan(plan: Plan, *, as_json: bool) -> None:
    origin = plan.chosen.provenance.model_dump(mode="json")
    if as_json:
        said = {"engine": plan.engine, "lab": plan.chosen.lab, "calibration_frames": plan.frames, "strata": plan.strata}
        print_json(said | {"provenance": origin, "recipes": plan.recipes})
        return
    print_rows([origin], as_json=False, title=f"engine {plan.engine}")
    print_rows(
        [{**recipe, "budget": _budget(recipe["budget"])} for recipe in plan.recipes], as_json=False, title="recipes"
    )
    console.print(f"{plan.frames} frames to calibrate on, of {len(plan.strata)} strata. Nothing was made.")


def _budget(said: object) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in said.items()) if isinstance(said, dict) else ""
