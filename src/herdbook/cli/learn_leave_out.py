"""``herdbook learn leave-out``: every farm judged by a student that never saw it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from herdbook.cli.learn_dataset import Day, Disagreement, Farm, Golden, People, Site, Truth, gathered
from herdbook.cli.learn_retrain import ProfileName, Set, telling
from herdbook.cli.learning_python import go_on_in_learning_python
from herdbook.cli.output import JsonFlag, console, print_json, print_rows


def leave_out(
    *,
    run: Annotated[str | None, typer.Option(help="Its name; one of the time if not given.", show_default=False)] = None,
    leave: Annotated[
        list[str] | None,
        typer.Option(metavar="FARM", help="Leave out only this farm; may be repeated. All with labels if not given."),
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
    """Train once per farm without it, judge on it, and fill a table with intervals over farms.

    Each is a run of its own, a child of one run in MLflow; the engine motion stands beside on the same clips. Ended,
    the same command with the same --run goes on. Nothing is registered.
    """
    go_on_in_learning_python()
    from herdbook.demo.lifetime import ends_with_us
    from herdbook.learning.datasets.sources import read_sources
    from herdbook.learning.params import load_params
    from herdbook.learning.retrain.ablate import FIGURES
    from herdbook.learning.retrain.ablation_table import said
    from herdbook.learning.retrain.leave_out import leave_out as work
    from herdbook.learning.retrain.overrides import parse_settings
    from herdbook.learning.retrain.run import new_run_id
    from herdbook.settings import get_settings

    params = load_params(profile=profile)
    name = run or new_run_id(f"leave-out-{params.profile}")
    with ends_with_us():
        table, folder = work(
            get_settings(),
            name,
            params,
            values=parse_settings(change or ()),
            sources=lambda: (
                read_sources(sources)
                if sources
                else gathered(
                    farm=farm, site=site, day=day, truth=truth, golden=golden, people=people, disagreement=disagreement
                )
            ),
            farms=leave or (),
            listener=telling(),
        )
    if as_json:
        print_json({"run": name, "folder": folder, **table.model_dump(mode="json")})
        return
    rows = [
        {"farm": one.farm, "engine": engine, **{n: None if v[n] is None else f"{v[n]:.3f}" for n in FIGURES}}
        for one in table.farms
        for engine, v in (("student", one.student), (table.baseline, one.baseline))
    ]
    rows += [
        {"farm": "over farms", "engine": side, **{n: said(getattr(table.figures[n], side)) for n in FIGURES}}
        for side in ("student", "baseline", "difference")
    ]
    print_rows(rows, as_json=False, title=f"{name}: {len(table.farms)} farms, each left out once")
    console.print(f"{folder}: leave-out.md and leave-out.json.", soft_wrap=True)
