"""``herdbook identity review``: tracklets that matching left open, for a person to decide."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from herdbook.cli.output import JsonFlag, console, print_json, print_rows
from herdbook.settings import Settings, get_settings

if TYPE_CHECKING:
    from herdbook.identity.queue import Question
    from herdbook.identity.words import Done, Word

_Pairs = Annotated[
    list[str] | None, typer.Option(help="TRACKLET=ANIMAL, or TRACKLET=- for nobody; may be repeated.", metavar="T=A")
]


def review(
    *,
    device: Annotated[str | None, typer.Option(help="Only this device.")] = None,
    day: Annotated[
        datetime | None, typer.Option(help="This farm-local day; the newest without.", formats=["%Y-%m-%d"])
    ] = None,
    limit: Annotated[int, typer.Option(help="How many tracklets, most worth it first.", min=1)] = 20,
    html: Annotated[Path | None, typer.Option(help="Write a page with pictures side by side.", dir_okay=False)] = None,
    decide: _Pairs = None,
    reject: Annotated[
        list[str] | None, typer.Option(help="TRACKLET=ANIMAL that it is not; may be repeated.", metavar="T=A")
    ] = None,
    skip: Annotated[list[str] | None, typer.Option(help="Leave a tracklet as it is; may be repeated.")] = None,
    by: Annotated[str, typer.Option(help="Who says so.")] = "cli",
    reason: Annotated[str | None, typer.Option(help="Why, in your own words.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show the tracklets whose animal is in doubt, with candidates; or decide some of them.

    Decisions stand above claims until `herdbook identity undo` takes them back. Each is recorded by itself: should one
    be refused, those before it stay.
    """
    settings = get_settings()
    if decide or reject or skip:
        from herdbook.identity.words import Word

        done = _decided(settings, Word(by, reason), decide=decide or [], reject=reject or [], skip=skip or [])
        print_rows([_row(d) for d in done], as_json=as_json)
        return
    asked = _asked(settings, device, day, limit)
    if html is not None:
        _write_page(settings, asked, html)
        console.print(f"{html}: {len(asked)} tracklets", markup=False, soft_wrap=True)
        return
    if as_json:
        print_json([vars(q) | {"candidates": [vars(c) for c in q.candidates]} for q in asked])
        return
    print_rows([_shown(q) for q in asked], as_json=False)


def _asked(settings: Settings, device: str | None, day: datetime | None, limit: int) -> list[Question]:
    from herdbook.errors import NotFoundError
    from herdbook.identity.match import loads_of
    from herdbook.identity.queue import questions

    loads = loads_of(settings, device_id=device, day=None if day is None else day.date())
    if not loads:
        raise NotFoundError("no such day is loaded", '`herdbook sql "FROM device_day"` lists what is.')
    newest = loads if day is not None else [load for load in loads if load[:10] == loads[-1][:10]]
    return questions(settings, newest, limit=limit)


def _write_page(settings: Settings, asked: list[Question], path: Path) -> None:
    from herdbook.contracts.durable import write_durably
    from herdbook.identity.page import review_page

    shown = {q.tracklet_id for q in asked} | {c.reference for q in asked for c in q.candidates if c.reference}
    write_durably(path, review_page(asked, _crops(settings, shown)).encode())


def _crops(settings: Settings, tracklet_ids: set[str]) -> dict[str, list[bytes]]:
    """Pictures where there is footage and the extra that reads it is installed."""
    if not settings.footage.is_dir():
        return {}
    from herdbook.learning.review.crops import crops

    return crops(settings, tracklet_ids)


def _decided(settings: Settings, word: Word, *, decide: list[str], reject: list[str], skip: list[str]) -> list[Done]:
    from herdbook.identity import byhand
    from herdbook.identity.operations import carry_out

    works: list[Any] = []
    for tracklet, animal in map(_pair, decide):
        if animal == "-":
            works.append(lambda lake, t=tracklet: byhand.correct(lake, [t], None, word))
        else:
            works.append(lambda lake, t=tracklet, a=animal: byhand.accept(lake, t, a, word))
    for tracklet, animal in map(_pair, reject):
        works.append(lambda lake, t=tracklet, a=animal: byhand.reject(lake, t, a, word))
    works += [lambda lake, t=tracklet: byhand.skip(lake, t, word) for tracklet in skip]
    return [carry_out(settings, work) for work in works]


def _pair(text: str) -> tuple[str, str]:
    from herdbook.errors import InputError

    tracklet, mark, animal = text.rpartition("=")
    if not mark or not tracklet or not animal:
        raise InputError(f"'{text}' is not TRACKLET=ANIMAL", "Give for example barn-a-1:2026-03-02:cam:000007=P3.")
    return tracklet, animal


def _row(done: Done) -> dict[str, Any]:
    return {"operation_id": done.operation_id, "kind": done.kind, "set_aside": len(done.set_aside)}


def _shown(question: Question) -> dict[str, Any]:
    candidates = ", ".join(f"{c.animal_id} {c.probability:.0%}" for c in question.candidates)
    return {
        "tracklet_id": question.tracklet_id,
        "seconds": round(question.seconds),
        "claimed": question.claimed,
        "confidence": question.confidence,
        "why": question.why,
        "candidates": candidates,
    }
