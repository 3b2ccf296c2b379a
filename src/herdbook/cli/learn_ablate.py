"""``herdbook learn ablate``: arms of distillation side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from herdbook.cli.learn_dataset import Day, Disagreement, Farm, Golden, People, Site, Truth, gathered
from herdbook.cli.learn_retrain import ProfileName, Set, telling
from herdbook.cli.learning_python import go_on_in_learning_python
from herdbook.cli.output import JsonFlag, console, print_json, print_rows


def ablate(
    *,
    run: Annotated[
        str | None, typer.Option(help="Name of the ablation; one of the time if not given.", show_default=False)
    ] = None,
    profile: ProfileName = None,
    change: Set = None,
    seed: Annotated[list[int] | None, typer.Option(help="Seeds, three or more, others than params.yaml's.")] = None,
    arm: Annotated[list[str] | None, typer.Option(help="Only this arm, beside the reference; may be repeated.")] = None,
    scenes: Annotated[
        Path | None,
        typer.Option(help="Clips with truth; HERDBOOK_EVALUATION_SCENES if not given.", show_default=False),
    ] = None,
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
    """Train every arm of params.yaml's `ablation` with every seed, and fill the table.

    Each is a run of its own, a child of one run in MLflow; what they have in common is made once. Means have intervals
    over seeds; differences to the first arm are paired by seed and sequence. Ended, the same command with the same
    --run goes on.
    """
    go_on_in_learning_python()
    from herdbook.demo.lifetime import ends_with_us
    from herdbook.learning.datasets.sources import read_sources
    from herdbook.learning.params import load_params
    from herdbook.learning.retrain.ablate import FIGURES
    from herdbook.learning.retrain.ablate import ablate as work
    from herdbook.learning.retrain.overrides import parse_settings
    from herdbook.learning.retrain.run import new_run_id
    from herdbook.settings import get_settings

    settings, params = get_settings(), load_params(profile=profile)
    name = run or new_run_id(f"ablation-{params.profile}")
    with ends_with_us():
        table, folder = work(
            settings,
            name,
            params,
            values=parse_settings(change or ()),
            seeds=seed or (),
            arms=arm or (),
            sources=lambda: (
                read_sources(sources)
                if sources
                else gathered(
                    farm=farm, site=site, day=day, truth=truth, golden=golden, people=people, disagreement=disagreement
                )
            ),
            scenes=scenes or settings.evaluation_scenes,
            listener=telling(),
        )
    if as_json:
        print_json({"run": name, "folder": folder, **table.model_dump(mode="json")})
        return
    rows = [
        {
            "arm": arm,
            **{figure: round(v, 4) if (v := mine[figure].mean.value) is not None else None for figure in FIGURES},
        }
        for arm, mine in table.arms.items()
    ]
    print_rows(rows, as_json=False, title=f"{name}: means of {len(table.seeds)} seeds")
    console.print(f"{folder}: ablation.md and ablation.json, with every interval and difference.", soft_wrap=True)
