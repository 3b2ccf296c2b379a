"""Farm-local days on the command line: one way to write them, one message, one exit code (2, wrong usage).

``Annotated[date, typer.Argument(parser=parse_day)]``; likewise for options, and for ``date | None`` and ``list[date]``.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer


def parse_day(text: str | date) -> date:
    """``YYYY-MM-DD``, and nothing else that ISO 8601 allows: a week or a compact date is more often a slip than meant.

    Raises:
        typer.BadParameter: it is not a day; the command line says so and ends with 2.
    """
    if isinstance(text, date):
        return text  # typer passes defaults through here, too
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise typer.BadParameter(f"'{text}' is not a day: write it as YYYY-MM-DD.")
    return day


FirstDay = Annotated[
    date | None, typer.Option("--from", help="First day.", parser=parse_day, metavar="DAY", show_default=False)
]
LastDay = Annotated[
    date | None, typer.Option("--to", help="Last day.", parser=parse_day, metavar="DAY", show_default=False)
]
