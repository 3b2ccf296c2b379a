"""Rounds in which both sides take turns, shown while they run."""

from __future__ import annotations

from collections.abc import Iterator

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from herdbook.cli.output import console


def rounds(count: int, what: str) -> Iterator[int]:
    """Numbers from 0 to ``count``. Round 0 imports, opens and warms: it does not count."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("rounds"))
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        yield from bar.track(range(count + 1), description=what)
