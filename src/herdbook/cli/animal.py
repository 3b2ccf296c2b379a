"""``herdbook animal``: say which tracklets are an animal, and match the others."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from herdbook.cli.output import JsonFlag, console, print_rows
from herdbook.settings import get_settings

app = typer.Typer(help="Who is who: enrol animals, claim tracklets for them.", no_args_is_help=True)

_Animal = Annotated[str, typer.Argument(help="An animal of the roster.", metavar="ANIMAL")]


@app.command()
def enrol(
    animal: _Animal,
    *,
    tracklet: Annotated[list[str], typer.Option(help="A tracklet that is this animal; may be given several times.")],
    by: Annotated[str, typer.Option(help="Who says so.")] = "cli",
    as_json: JsonFlag = False,
) -> None:
    """Say that tracklets are an animal. Their embeddings become what the animal looks like.

    Claims that exist stay as they are until `herdbook animal claim` or the next night makes them anew.
    """
    from dataclasses import asdict

    from herdbook.identity import enrolment

    print_rows([asdict(e) for e in enrolment.enrol(get_settings(), animal, tracklet, by=by)], as_json=as_json)


@app.command()
def unenrol(
    animal: _Animal,
    *,
    tracklet: Annotated[list[str] | None, typer.Option(help="Only this tracklet; all of the animal's without.")] = None,
    by: Annotated[str, typer.Option(help="Who says so.")] = "cli",
    as_json: JsonFlag = False,
) -> None:
    """Take an enrolment back. It stays as history; claims follow when they are made anew."""
    from dataclasses import asdict

    from herdbook.identity import enrolment

    print_rows([asdict(e) for e in enrolment.unenrol(get_settings(), animal, tracklet or (), by=by)], as_json=as_json)


@app.command()
def enrolled(as_json: JsonFlag = False) -> None:
    """List the enrolled animals with their tracklets."""
    from dataclasses import asdict

    from herdbook.identity import enrolment

    print_rows([asdict(e) for e in enrolment.enrolled(get_settings())], as_json=as_json)


@app.command()
def claim(
    *,
    device: Annotated[str | None, typer.Option(help="Only this device.")] = None,
    day: Annotated[datetime | None, typer.Option(help="Only this farm-local day.", formats=["%Y-%m-%d"])] = None,
    as_json: JsonFlag = False,
) -> None:
    """Match the tracklets of loaded days to the animals enrolled now. New claims are appended, none is overwritten."""
    from dataclasses import asdict

    from rich.progress import track

    from herdbook.errors import NotFoundError
    from herdbook.identity.match import claim_device_day, loads_of

    settings = get_settings()
    loads = loads_of(settings, device_id=device, day=None if day is None else day.date())
    if not loads:
        raise NotFoundError("no such day is loaded", '`herdbook sql "FROM device_day"` lists what is.')
    results = [
        asdict(claim_device_day(settings, load_id))
        for load_id in track(loads, "claiming", console=console, transient=True, disable=len(loads) < 2)
    ]
    print_rows(results, as_json=as_json)
    if not as_json:
        console.print("The next night shows it in herd.duckdb; `herdbook publish` does so now.")
