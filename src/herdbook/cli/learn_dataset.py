"""``herdbook learn sources`` and ``herdbook learn dataset``."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from herdbook.cli.output import JsonFlag, console, print_json, print_rows
from herdbook.errors import ConfigurationError
from herdbook.settings import get_settings

if TYPE_CHECKING:
    from herdbook.learning.datasets.sources import SourceList

Farm = Annotated[
    Path | None, typer.Option(help="Use the footage of simulated farms in this folder instead of the lake's.")
]
Site = Annotated[list[str] | None, typer.Option(help="Only this farm; may be repeated.")]
Day = Annotated[list[datetime] | None, typer.Option(formats=["%Y-%m-%d"], help="Only this day; may be repeated.")]
Truth = Annotated[
    tuple[str, Path] | None,
    typer.Option(
        metavar="simulator FOLDER",
        help="Label clips by the exact truth of simulated farms. Never taken unless asked for.",
    ),
]
Golden = Annotated[list[str] | None, typer.Option(help="Label frames by this site's golden set; may be repeated.")]
Review = Annotated[
    list[str] | None, typer.Option(help="Label frames by what reviewers decided at this site; may be repeated.")
]
People = Annotated[
    list[Path] | None, typer.Option(help="COCO or CVAT file in which people were looked for; may be repeated.")
]
Disagreement = Annotated[
    Path | None, typer.Option(help="CSV or Parquet: device_id, day, clip, frame, disagreement (0..1).")
]


def sources(
    out: Annotated[Path, typer.Argument(help="File to write, for example sources.json.")],
    *,
    farm: Farm = None,
    site: Site = None,
    day: Day = None,
    truth: Truth = None,
    golden: Golden = None,
    review: Review = None,
    people: People = None,
    disagreement: Disagreement = None,
    as_json: JsonFlag = False,
) -> None:
    """Write down which footage and labels there are, by content, so that a dataset can be drawn from them again."""
    from herdbook.learning.datasets.sources import write_sources

    found = gathered(
        farm=farm,
        site=site,
        day=day,
        truth=truth,
        golden=golden,
        review=review,
        people=people,
        disagreement=disagreement,
    )
    write_sources(out, found)
    said = {"file": out, "clips": len(found.clips), "golden": len(found.golden), "people": len(found.people)}
    if as_json:
        print_json(said)
    else:
        print_rows([said], as_json=False)


def dataset(
    out: Annotated[Path, typer.Argument(help="Folder to write. It is left as it is if it holds this very dataset.")],
    *,
    sources: Annotated[Path | None, typer.Option(help="Draw from these sources instead of those below.")] = None,
    farm: Farm = None,
    site: Site = None,
    day: Day = None,
    truth: Truth = None,
    golden: Golden = None,
    review: Review = None,
    people: People = None,
    disagreement: Disagreement = None,
    params: Annotated[Path | None, typer.Option(help="params.yaml to use instead of the shipped one.")] = None,
    profile: Annotated[str | None, typer.Option(help="Profile of params.yaml, for example pocket or orin.")] = None,
    frames: Annotated[int | None, typer.Option(help="Quota of frames.")] = None,
    max_bytes: Annotated[int | None, typer.Option("--bytes", help="Quota of stored frames, bytes.")] = None,
    every: Annotated[float | None, typer.Option(help="Look at a frame this often, seconds; key frames if 0.")] = None,
    seed: Annotated[int | None, typer.Option(help="Chance where nothing else decides.")] = None,
    crossing: Annotated[
        Literal["refuse", "drop"] | None, typer.Option(help="What becomes of clips that would link sides of the split.")
    ] = None,
    share: Annotated[
        list[str] | None, typer.Option(metavar="SIDE=SHARE", help="Share of a side, for example test=0.2; repeat.")
    ] = None,
    hold_out: Annotated[
        list[str] | None, typer.Option(metavar="FARM", help="This farm is the test side, whole and alone; repeat.")
    ] = None,
    mask_people: Annotated[
        bool | None, typer.Option(help="Blank people; frames that nobody examined for people are left out.")
    ] = None,
    keep_clips: Annotated[bool | None, typer.Option(help="Freeze the clips too, with labels of all frames.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Choose frames, split them, and freeze them with their labels in a folder.

    Frames are chosen evenly over site, camera, light, crowding and disagreement; near-duplicates are passed over. No
    animal, clip or day is on two sides of the split: where all clips hang together, the command says so, or leaves out
    what links the sides (--crossing drop). The folder's layout is described in herdbook.learning.datasets.build.
    """
    from herdbook.learning.datasets.build import build_dataset
    from herdbook.learning.datasets.sources import read_sources, resolve
    from herdbook.learning.params import load_params

    settings = get_settings()
    asked: dict[str, Any] = {
        "frames": frames,
        "bytes": max_bytes,
        "seed": seed,
        "crossing": crossing,
        "held_out": hold_out,
        "mask_people": mask_people,
        "keep_clips": keep_clips,
        "shares": _shares(share) if share else None,
    }
    if every is not None:
        asked["every_s"] = every or None
    plan = _changed(load_params(params, profile).chosen.dataset, asked)
    drawn = (
        read_sources(sources)
        if sources
        else gathered(
            farm=farm,
            site=site,
            day=day,
            truth=truth,
            golden=golden,
            review=review,
            people=people,
            disagreement=disagreement,
        )
    )
    with _bars() as report:
        made = build_dataset(plan, resolve(settings, drawn), out, report)
    said = {"folder": out, **made.counts, "left_out": made.left_out}
    if as_json:
        print_json(said)
        return
    rows = [
        {"what": name, "which": which, "frames": count}
        for name, counts in made.counts.items()
        if isinstance(counts, dict)
        for which, count in counts.items()
    ]
    rows += [{"what": "left out", "which": reason, "frames": count} for reason, count in made.left_out.items()]
    print_rows(rows, as_json=False, title=f"{out}: {made.counts['frames']} frames, {made.counts['bytes']:,} bytes")


def gathered(
    *,
    farm: Path | None,
    site: list[str] | None,
    day: list[datetime] | None,
    truth: tuple[str, Path] | None,
    golden: list[str] | None,
    review: list[str] | None = None,
    people: list[Path] | None,
    disagreement: Path | None,
) -> SourceList:
    """Sources as the options name them."""
    from herdbook.learning.datasets.sources import gather

    if truth is not None and truth[0] != "simulator":
        raise typer.BadParameter(f"'{truth[0]}' is no source of truth; say: simulator FOLDER", param_hint="--truth")
    return gather(
        get_settings(),
        farm=farm,
        sites=site or (),
        days=[moment.date() for moment in day or ()],
        simulator_truth=truth[1] if truth else None,
        golden=golden or (),
        review=review or (),
        people=people or (),
        disagreement=disagreement,
    )


def _changed(plan: Any, asked: dict[str, Any]) -> Any:
    from pydantic import ValidationError

    from herdbook.contracts.validation import first_problem

    given = {name: value for name, value in asked.items() if value is not None or name == "every_s"}
    try:
        return type(plan).model_validate(plan.model_dump() | given)
    except ValidationError as error:
        raise ConfigurationError(f"the dataset's parameters: {first_problem(error.errors())}") from error


def _shares(said: list[str]) -> dict[str, float]:
    try:
        return {side: float(value) for side, _, value in (one.partition("=") for one in said)}
    except ValueError as error:
        raise typer.BadParameter("say train=0.8, validation=0.1, test=0.1", param_hint="--share") from error


def _bars() -> Any:
    from contextlib import contextmanager

    @contextmanager
    def bars() -> Any:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True) as bar:
            tasks: dict[str, Any] = {}

            def report(what: str, done: int, total: int) -> None:
                if what not in tasks:
                    tasks[what] = bar.add_task(what, total=total)
                bar.update(tasks[what], completed=done, total=total)

            yield report

    return bars()
