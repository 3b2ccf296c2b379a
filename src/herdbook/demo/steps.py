"""Steps with their seconds, shown while they run and remembered once done: an interrupted demo goes on from there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from herdbook.contracts.durable import write_durably

Detail = Callable[[str], None]
"""Told what a running step is at."""


@dataclass
class Steps:
    """Runs steps in order.

    Args:
        state: file with the steps that earlier runs finished.
        console: where they are shown.
    """

    state: Path
    console: Console
    seconds: dict[str, float] = field(default_factory=dict)
    """Seconds of each step of this run."""

    def do(self, title: str, work: Callable[[Detail], str | None], *, once: str | None = None) -> None:
        """Run a step.

        Args:
            title: what is shown.
            work: does it, and may return a remark on what it came to.
            once: a name under which the step is remembered, so that no later run does it again.
        """
        if once is not None and self.finished(once):
            self.console.print(f"[green]✓[/] {escape(title)} [dim](done by an earlier run)[/]")
            return
        started = time.monotonic()
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        if not self.console.is_terminal:
            self.console.print(f"[dim]… {escape(title)}[/]")
        with Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal) as bar:
            task = bar.add_task(escape(title))
            remark = work(lambda what: bar.update(task, description=f"{escape(title)}: {escape(what)}"))
        self.seconds[title] = round(time.monotonic() - started, 1)
        tail = f": {escape(remark)}" if remark else ""
        self.console.print(f"[green]✓[/] {escape(title)}{tail} [dim]{self.seconds[title]:.1f} s[/]", soft_wrap=True)
        if once is not None:
            self.remember(once)

    def finished(self, *names: str) -> bool:
        """Whether all these steps were done, by this run or an earlier one."""
        return set(names) <= set(self._done())

    def remember(self, name: str) -> None:
        """Note that a step is done."""
        write_durably(self.state, json.dumps([*self._done(), name], indent=1).encode())

    def _done(self) -> list[str]:
        return list(json.loads(self.state.read_bytes())) if self.state.exists() else []
