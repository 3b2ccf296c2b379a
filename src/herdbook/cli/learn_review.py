"""``herdbook learn review``: frames that ask for a person."""

from __future__ import annotations

import getpass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from herdbook.cli.day import parse_day
from herdbook.cli.output import JsonFlag, console, print_json, print_rows
from herdbook.settings import get_settings

if TYPE_CHECKING:
    from herdbook.ledger.models import ReviewItem

app = typer.Typer(
    help="Frames on which student and teacher, or track and embedding, disagree: a person says what is right.",
    no_args_is_help=True,
)

Items = Annotated[list[int], typer.Argument(help="Numbers of items, as `list` shows them.", metavar="ITEM…")]
By = Annotated[str | None, typer.Option(help="Who decides; your user name if not given.", show_default=False)]
Comment = Annotated[str | None, typer.Option(help="For the ledger.", show_default=False)]
Site = Annotated[str | None, typer.Option(help="Only this farm.", show_default=False)]
Device = Annotated[str | None, typer.Option(help="Only this device.", show_default=False)]
Day = Annotated[date | None, typer.Option(help="Only this day.", parser=parse_day, metavar="DAY", show_default=False)]
State = Literal["open", "accepted", "corrected", "discarded", "all"]


@app.command("list")
def show_queue(
    *,
    state: Annotated[State, typer.Option(help="What was said of them.")] = "open",
    site: Site = None,
    device: Device = None,
    day: Day = None,
    limit: Annotated[int, typer.Option(help="At most so many.")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """Items of the queue, those most worth looking at first."""
    found = _queue((state,), site, device, day)
    print_rows([_row(item) for item in found[:limit]], as_json=as_json)
    if len(found) > limit:
        console.print(f"and {len(found) - limit} more: --limit")


@app.command()
def show(
    item: Annotated[int, typer.Argument(help="Number of the item.")],
    *,
    picture: Annotated[
        Path | None, typer.Option(help="Write the frame with both sides' outlines to this PNG.", show_default=False)
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """One item, and its frame with both sides drawn: student or track in red, teacher or embedding in green."""
    from herdbook.contracts.durable import write_durably
    from herdbook.learning.review.drawing import draw_sides, frame_of
    from herdbook.learning.review.frames import ReviewFrames
    from herdbook.ledger.reviews import find_item
    from herdbook.ledger.session import ledger_session

    settings = get_settings()
    with ledger_session(settings) as session:
        found = find_item(session, item)
    kept = ReviewFrames(settings, found.site)
    sides = kept.sides(found)
    if picture is not None:
        write_durably(picture.absolute(), draw_sides(frame_of(settings, found), sides))
    said: dict[str, Any] = _row(found) | {
        "subject": found.subject or None,
        "comment": found.comment,
        "sides": {name: len(annotations.shapes) for name, annotations in sides.items()},
        "frame": kept.picture(found),
        "picture": picture,
    }
    if as_json:
        print_json(said)
    else:
        print_rows([{"what": name, "value": value} for name, value in said.items()], as_json=False)


@app.command()
def accept(
    items: Items,
    *,
    side: Annotated[
        str | None,
        typer.Option(help="student or teacher, track or embedding; the latter if not given.", show_default=False),
    ] = None,
    by: By = None,
    comment: Comment = None,
    as_json: JsonFlag = False,
) -> None:
    """One side is right: its outlines become labels of the next dataset."""
    from herdbook.learning.review.decisions import accept as enter

    _print(enter(get_settings(), items, by=by or getpass.getuser(), side=side, comment=comment), as_json=as_json)


@app.command()
def correct(
    file: Annotated[Path, typer.Argument(help="COCO or CVAT, with pictures named as `give` names them.")],
    items: Annotated[
        list[int] | None,
        typer.Argument(help="Only these items; every open one that the file holds.", metavar="[ITEM…]"),
    ] = None,
    *,
    ethogram: Annotated[str, typer.Option(help="What animals and behaviours there are.")] = "pig-9",
    by: By = None,
    comment: Comment = None,
    as_json: JsonFlag = False,
) -> None:
    """Neither side is right: what a person drew is. All of the file's items are corrected, or an error and none."""
    from herdbook.contracts.ethogram import load_ethogram
    from herdbook.learning.formats.packages import read_annotations
    from herdbook.learning.review.decisions import correct as enter

    known = load_ethogram(ethogram)
    drawn = read_annotations(file, label=known.species)
    who = by or getpass.getuser()
    _print(enter(get_settings(), drawn, known, by=who, item_ids=items or (), comment=comment), as_json=as_json)


@app.command()
def discard(items: Items, *, by: By = None, comment: Comment = None, as_json: JsonFlag = False) -> None:
    """These frames teach nothing: they leave the queue."""
    from herdbook.learning.review.decisions import discard as enter

    _print(enter(get_settings(), items, by=by or getpass.getuser(), comment=comment), as_json=as_json)


@app.command()
def weigh(
    item: Annotated[int, typer.Argument(help="Number of an open item.")],
    weight: Annotated[float, typer.Argument(help="How much it is worth looking at, 0..1.")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """Change an item's place in the queue: all that an automatic judge may do. It decides nothing."""
    from herdbook.ledger.reviews import weigh as enter
    from herdbook.ledger.session import ledger_session

    with ledger_session(get_settings()) as session:
        found = enter(session, item, weight)
    _print([found], as_json=as_json)


@app.command()
def give(
    file: Annotated[Path, typer.Argument(help="Zip to write, for an annotation tool.")],
    *,
    annotation_format: Annotated[Literal["coco", "cvat"], typer.Option("--format", help="What it reads.")] = "cvat",
    site: Site = None,
    device: Device = None,
    day: Day = None,
    limit: Annotated[int, typer.Option(help="At most so many frames.")] = 100,
    ethogram: Annotated[str, typer.Option(help="What animals and behaviours there are.")] = "pig-9",
) -> None:
    """Give out open frames with the teacher's outlines, to be corrected; `correct` takes them back."""
    from herdbook.contracts.ethogram import load_ethogram
    from herdbook.learning.formats.packages import AnnotationFormat, write_package
    from herdbook.learning.review.drawing import given_out

    chosen = _queue(("open",), site, device, day)[:limit]
    annotations, pictures = given_out(get_settings(), chosen, load_ethogram(ethogram))
    write_package(file, annotations, AnnotationFormat(annotation_format), pictures)
    console.print(f"{file}: {len(annotations.pictures)} pictures to correct", markup=False)


@app.command()
def table(
    file: Annotated[Path, typer.Argument(help="CSV to write, for `herdbook learn dataset --disagreement`.")],
    *,
    site: Site = None,
    as_json: JsonFlag = False,
) -> None:
    """Write how much the sides disagree on each frame, weighed; discarded frames are left out."""
    import csv
    import io

    from herdbook.contracts.durable import write_durably

    worst: dict[tuple[str, date, str, int], float] = {}
    for item in _queue(("open", "accepted", "corrected"), site, None, None):
        place = (item.device_id, item.day, item.clip, item.frame)
        worst[place] = max(worst.get(place, 0.0), min(item.score * item.weight, 1.0))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["device_id", "day", "clip", "frame", "disagreement"])
    writer.writerows([*place, f"{value:.6f}"] for place, value in sorted(worst.items()))
    write_durably(file.absolute(), text.getvalue().encode())
    said = {"file": file, "frames": len(worst)}
    if as_json:
        print_json(said)
    else:
        print_rows([said], as_json=False)


def _queue(states: tuple[State, ...], site: str | None, device: str | None, day: date | None) -> list[ReviewItem]:
    from herdbook.ledger.models import ReviewState
    from herdbook.ledger.reviews import items
    from herdbook.ledger.session import ledger_session

    chosen = list(ReviewState) if "all" in states else [ReviewState(state) for state in states]
    with ledger_session(get_settings()) as session:
        return items(session, chosen, site=site, device_id=device, day=day)


def _row(item: ReviewItem) -> dict[str, Any]:
    return {
        "item": item.item_id,
        "site": item.site,
        "device": item.device_id,
        "day": item.day,
        "clip": item.clip,
        "number": item.frame,
        "reason": item.reason.value,
        "score": round(item.score, 3),
        "weight": round(item.weight, 3),
        "state": item.state.value,
        "side": item.side,
        "decided_by": item.decided_by,
        "detail": item.detail,
    }


def _print(found: list[ReviewItem], *, as_json: bool) -> None:
    print_rows([_row(item) for item in found], as_json=as_json)
