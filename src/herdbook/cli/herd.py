"""``herdbook herd``: the last nights, what cameras saw, what was set aside, and what waits for a person."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from herdbook.cli.output import JsonFlag, console, print_rows
from herdbook.settings import get_settings

app = typer.Typer(help="The last nights at a glance.", no_args_is_help=True)

Days = Annotated[int, typer.Option(help="How many days.", min=1, max=366)]


@app.command()
def nights(
    *,
    days: Days = 14,
    every: Annotated[bool, typer.Option("--all", help="Also days on which all is well.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """What became of each device's days: loaded, landed, missing, late, and why."""
    from herdbook.overview.nights import Standing, last_nights

    found = last_nights(get_settings(), days)
    shown = [n for n in found if every or n.standing is not Standing.LOADED or n.late_days or n.quarantined]
    print_rows([asdict(night) for night in shown], as_json=as_json)
    if len(shown) < len(found):
        console.print(f"{len(found) - len(shown)} more are loaded, in time: --all")


@app.command()
def coverage(*, days: Days = 7, as_json: JsonFlag = False) -> None:
    """Hours that each camera saw, day by day, of what is published."""
    from herdbook.overview.coverage import coverage as seen

    print_rows([asdict(camera) for camera in seen(get_settings(), days)[0]], as_json=as_json)


@app.command()
def gaps(*, days: Days = 7, as_json: JsonFlag = False) -> None:
    """Times that cameras did not see, or saw badly, with their reasons."""
    from herdbook.overview.coverage import coverage as seen

    print_rows([asdict(gap) for gap in seen(get_settings(), days)[1]], as_json=as_json)


@app.command()
def quarantine(
    *, limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 50, as_json: JsonFlag = False
) -> None:
    """What was set aside, the newest first, with reasons."""
    from herdbook.overview.troubles import quarantine as set_aside

    print_rows([asdict(entry) for entry in set_aside(get_settings(), limit)], as_json=as_json)


@app.command()
def reviews(
    *, limit: Annotated[int, typer.Option(help="Of each queue.", min=1)] = 20, as_json: JsonFlag = False
) -> None:
    """Make the review queues anew for the page *Herd*, with pictures where there is footage."""
    from herdbook.overview.reviews import write_reviews

    told = write_reviews(get_settings(), limit)
    row = {"identity": len(told["identity"]), "learning": told["learning_waiting"], "made_at": told["made_at"]}
    print_rows([row], as_json=as_json)


@app.command()
def worries(*, as_json: JsonFlag = False) -> None:
    """What a person should know: missed days, silent devices, disk, drift; the night tells it through Airflow.

    Enters it into the book of what people were told, which remembers what is new and what has ended.
    """
    from herdbook.overview.book import settle
    from herdbook.overview.nights import last_nights
    from herdbook.overview.worries import as_rows
    from herdbook.overview.worries import worries as found_now

    settings = get_settings()
    nights = last_nights(settings, 1)
    if not nights:
        print_rows([], as_json=as_json)
        return
    found = found_now(settings)
    settle(settings, nights[0].day, found)
    print_rows(as_rows(found), as_json=as_json)
