"""``herdbook identity correct | merge | split | retag | undo | log``: who is who, by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from herdbook.cli.output import JsonFlag, console, print_json, print_rows
from herdbook.settings import get_settings

if TYPE_CHECKING:
    from herdbook.identity.words import Done

_Animal = Annotated[str, typer.Argument(help="An animal of the roster.", metavar="ANIMAL")]
_By = Annotated[str, typer.Option(help="Who says so.")]
_Reason = Annotated[str | None, typer.Option(help="Why, in your own words.")]
_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
_Since = Annotated[datetime | None, typer.Option("--from", help="From when it is so, UTC.", formats=_TIMES)]
_Until = Annotated[datetime | None, typer.Option("--to", help="Until when it is so, UTC.", formats=_TIMES)]


def correct(
    animal: Annotated[str, typer.Argument(help="An animal of the roster, or - for nobody.", metavar="ANIMAL")],
    *,
    tracklet: Annotated[list[str], typer.Option(help="A tracklet that is this animal; may be given several times.")],
    by: _By = "cli",
    reason: _Reason = None,
    as_json: JsonFlag = False,
) -> None:
    """Say that tracklets are an animal. Claims of it on tracklets seen at the same time give way."""
    from herdbook.identity import byhand

    _do(lambda lake, word: byhand.correct(lake, tracklet, None if animal == "-" else animal, word), by, reason, as_json)


def merge(
    other: Annotated[str, typer.Argument(help="The name that is given up.", metavar="OTHER")],
    into: Annotated[str, typer.Argument(help="The name under which the records are kept.", metavar="ANIMAL")],
    *,
    since: _Since = None,
    until: _Until = None,
    despite_overlap: Annotated[
        bool, typer.Option("--despite-overlap", help="Where both were seen at once, set the less sure aside.")
    ] = False,
    by: _By = "cli",
    reason: _Reason = None,
    as_json: JsonFlag = False,
) -> None:
    """Say that one animal of the roster is another. Its records, and those to come, are the other's."""
    from herdbook.identity import byhand

    def work(lake: Any, word: Any) -> Done:
        return byhand.merge(
            lake, other, into, word, since=_utc(since), until=_utc(until), despite_overlap=despite_overlap
        )

    _do(work, by, reason, as_json)


def split(
    animal: _Animal,
    *,
    into: Annotated[str | None, typer.Option("--into", help="The animal that it is; matched again without.")] = None,
    since: _Since = None,
    until: _Until = None,
    tracklet: Annotated[list[str] | None, typer.Option(help="Only this tracklet; may be given several times.")] = None,
    by: _By = "cli",
    reason: _Reason = None,
    as_json: JsonFlag = False,
) -> None:
    """Say that some of an animal's records are another's: those of a time, or some tracklets."""
    from herdbook.identity import byhand

    def work(lake: Any, word: Any) -> Done:
        return byhand.split(lake, animal, into, word, since=_utc(since), until=_utc(until), tracklet_ids=tracklet or ())

    _do(work, by, reason, as_json)


def retag(
    animal: _Animal,
    *,
    scheme: Annotated[str, typer.Option(help="Scheme of both tags, for example management-tag.")],
    new: Annotated[str, typer.Option(help="The tag that it bears since.")],
    at: Annotated[datetime, typer.Option(help="Since when, UTC.", formats=_TIMES)],
    old: Annotated[str | None, typer.Option(help="The tag that it lost.")] = None,
    was: Annotated[
        str | None, typer.Option(help="An animal that the roster made for the new tag: its records are this animal's.")
    ] = None,
    by: _By = "cli",
    reason: _Reason = None,
    as_json: JsonFlag = False,
) -> None:
    """Say that an animal lost its tag and bears another. Labels follow the tag at the time of their event."""
    from herdbook.identity.retag import retag as work

    moment = _utc(at)
    assert moment is not None
    _do(
        lambda lake, word: work(lake, animal, word, scheme=scheme, old=old, new=new, at=moment, was=was),
        by,
        reason,
        as_json,
    )


def undo(
    operation: Annotated[str, typer.Argument(help="An operation of `identity log`, or `last`.", metavar="OPERATION")],
    *,
    by: _By = "cli",
    reason: _Reason = None,
    as_json: JsonFlag = False,
) -> None:
    """Take an operation back. What was known before stays as it was known."""
    from herdbook.identity.undo import undo as work

    _do(lambda lake, word: work(lake, operation, word), by, reason, as_json)


def log(
    *, last: Annotated[int, typer.Option(help="How many, newest first.", min=1)] = 20, as_json: JsonFlag = False
) -> None:
    """List what people said about who is who, and whether it holds."""
    from herdbook.identity.undo import log as work
    from herdbook.lake.attach import open_lake

    with open_lake(get_settings(), read_only=True) as lake:
        print_rows(work(lake, last=last), as_json=as_json)


COMMANDS = (correct, merge, split, retag, undo, log)


def _do(work: Callable[[Any, Any], Done], by: str, reason: str | None, as_json: bool) -> None:
    from herdbook.identity.operations import carry_out
    from herdbook.identity.words import Word

    word = Word(by, reason)
    say_done(carry_out(get_settings(), lambda lake: work(lake, word)), as_json=as_json)


def say_done(done: Done, *, as_json: bool) -> None:
    """What an operation came to."""
    if as_json:
        print_json(asdict(done))
        return
    print_rows([asdict(done) | {"set_aside": len(done.set_aside)}], as_json=False)
    if done.loads:
        console.print(
            f"The next night matches {done.loads} device days again and publishes; `herdbook animal claim` and "
            f"`herdbook publish` do so now. `herdbook identity undo {done.operation_id}` takes this back.",
            soft_wrap=True,
        )


def _utc(moment: datetime | None) -> datetime | None:
    from datetime import UTC

    return moment and moment.replace(tzinfo=UTC)
