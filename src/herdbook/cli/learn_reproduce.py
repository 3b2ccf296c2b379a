"""``herdbook learn reproduce``: a run made again, and compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from herdbook.cli.learning_python import go_on_in_learning_python
from herdbook.cli.output import JsonFlag, console, print_json, print_rows
from herdbook.errors import NotReproducedError

if TYPE_CHECKING:
    from herdbook.learning.retrain.reproduce import Reproduction


def reproduce(
    which: Annotated[
        str, typer.Argument(metavar="RUN", help="Its name, its id in MLflow, or a version: herdbook-compact@champion.")
    ],
    *,
    run: Annotated[
        str | None,
        typer.Option(help="Name of the new run; the old one's with -again if not given.", show_default=False),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a finished run again, every stage from the beginning, and say whether it comes to the same figures.

    Its parameters and sources are those of its workspace's commit, its code is checked out where this repository knows
    it. If a figure differs, the command says what differs beside it (code, data, lock, environment, machine) and ends
    with exit code 71. Ended in the middle, the same command goes on.
    """
    go_on_in_learning_python()
    from herdbook.cli.learn_retrain import telling
    from herdbook.demo.lifetime import ends_with_us
    from herdbook.learning.retrain.reproduce import reproduce as work
    from herdbook.settings import get_settings

    with ends_with_us():
        found = work(get_settings(), which, run, telling())
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        _print(found)
    if not found.same:
        names = ", ".join(difference.what for difference in found.comparison.figures[:5])
        raise NotReproducedError(f"run {found.original} made again comes to other figures: {names or 'none in common'}")


def _print(found: Reproduction) -> None:
    rows = [{"figure": d.what, found.original: d.one, found.run: d.other} for d in found.comparison.figures]
    if rows:
        print_rows(rows, as_json=False, title="figures that differ")
    causes = [{"made from": d.what, found.original: d.one, found.run: d.other} for d in found.comparison.causes]
    if causes:
        print_rows(causes, as_json=False, title="what else differs")
    others = [output.path for output in found.outputs if not output.same]
    if found.kept:
        console.print(f"Footage or labels are gone: {', '.join(found.kept)} was taken from the cache as it was.")
    console.print(
        f"Not the same to the byte: {', '.join(others)}." if others else "Every output is the same to the byte."
    )
    if found.same:
        console.print(f"[green]The same[/]: {found.original} and {found.run} come to the same figures.")
