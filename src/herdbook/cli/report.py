"""``herdbook report``: one animal or one pen, as a page to read."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from herdbook.cli.day import parse_day
from herdbook.cli.output import JsonFlag, console, print_json, print_rows
from herdbook.settings import get_settings

if TYPE_CHECKING:
    from herdbook.reports.animal import AnimalStory
    from herdbook.reports.pen import PenStory

app = typer.Typer(help="Reports to read: one animal, one pen.", no_args_is_help=True)

_Html = Annotated[
    Path | None, typer.Option("--html", help="Write the whole report to this file.", metavar="FILE", show_default=False)
]
_Since = Annotated[
    date | None, typer.Option(help="First farm-local day.", parser=parse_day, metavar="DAY", show_default=False)
]
_Until = Annotated[
    date | None, typer.Option(help="Last farm-local day.", parser=parse_day, metavar="DAY", show_default=False)
]
_AsOf = Annotated[
    date | None,
    typer.Option(
        help="Only what was known when this day began: farm records, identities and days of then.",
        parser=parse_day, metavar="DAY", show_default=False,
    ),
]  # fmt: skip
_Lake = Annotated[bool, typer.Option("--lake", help="Read the lake itself instead of herd.duckdb: newer, slower.")]
_Pin = Annotated[str | None, typer.Option(help="Read the lake as it was when this name was pinned.", metavar="NAME")]


@app.command()
def animal(
    animal_id: Annotated[str, typer.Argument(help="An animal of the roster.", metavar="ID")],
    *,
    html: _Html = None,
    since: _Since = None,
    until: _Until = None,
    as_of: _AsOf = None,
    lake: _Lake = False,
    pin: _Pin = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what an animal did, what changed and when. With --html as a page of its own that needs no network."""
    from herdbook.reports.animal import animal_page, animal_story
    from herdbook.reports.page import require_place
    from herdbook.reports.source import open_source

    if html is not None:
        require_place(html)
    with open_source(get_settings(), lake=lake, pin=pin, as_of=as_of) as source:
        story = animal_story(source, animal_id, since, until)
        page = animal_page(source, story) if html is not None else ""
    _finish(page, story, html, as_json=as_json)


@app.command()
def pen(
    pen_id: Annotated[str, typer.Argument(help="A pen of the roster.", metavar="ID")],
    *,
    html: _Html = None,
    since: _Since = None,
    until: _Until = None,
    as_of: _AsOf = None,
    lake: _Lake = False,
    pin: _Pin = None,
    as_json: JsonFlag = False,
) -> None:
    """Say who was in a pen, what they did and who stands out. With --html as a page that needs no network."""
    from herdbook.reports.page import require_place
    from herdbook.reports.pen import pen_page, pen_story
    from herdbook.reports.source import open_source

    if html is not None:
        require_place(html)
    with open_source(get_settings(), lake=lake, pin=pin, as_of=as_of) as source:
        story = pen_story(source, pen_id, since, until)
        page = pen_page(source, story) if html is not None else ""
    _finish(page, story, html, as_json=as_json)


def _finish(page: str, story: AnimalStory | PenStory, html: Path | None, *, as_json: bool) -> None:
    from herdbook.reports.page import write

    if html is not None:
        write(html, page)
    events = [{"when": e.when, "kind": e.tag, "what": e.text} for e in story.events]
    if as_json:
        print_json({"headline": story.headline, "lead": story.lead, "events": events, "file": html})
        return
    if html is not None:
        console.print(f"{story.headline}\nwrote {html}", soft_wrap=True, markup=False)
        return
    typer.echo(f"{story.headline}\n{story.lead}\n")
    print_rows(events, as_json=False)
