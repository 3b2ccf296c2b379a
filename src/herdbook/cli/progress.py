"""Progress on stderr: a bar on a terminal, lines in a log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from herdbook.cli.output import console


@contextmanager
def days_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar to be told how many days are done, of how many."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("days"))
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def steps_bar(*, log: bool = False) -> Iterator[Callable[[str, int, int], None]]:
    """A bar to be told what is being done, how much of that is done, and of how much (0: not known).

    Args:
        log: where there is no terminal, print a line for each thing that is begun.
    """
    if not console.is_terminal:
        begun: list[str] = []

        def say(what: str, done: int, total: int) -> None:
            if log and begun != [what]:
                console.print(what)
            begun[:] = [what]

        yield say
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda what, done, total: bar.update(task, description=what, completed=done, total=total or None)


@contextmanager
def count_bar(doing: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar to be told how many more are done, of how many in all; it stays."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(doing, total=total)
        yield lambda more: bar.advance(task, more)
