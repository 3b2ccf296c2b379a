"""``herdbook load``, ``publish`` and ``retention``: what follows an ingest."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Annotated

import typer

from herdbook.cli.day import parse_day
from herdbook.cli.output import JsonFlag, console, print_json, print_rows
from herdbook.cli.progress import steps_bar
from herdbook.settings import get_settings


def load(
    days: Annotated[list[date] | None, typer.Argument(help="Only these days.", parser=parse_day, metavar="DAY")] = None,
    *,
    share: Annotated[
        str, typer.Option(metavar="K/N", help="Only the K-th of N shares; others may be loaded at the same time.")
    ] = "1/1",
    no_publish: Annotated[bool, typer.Option("--no-publish", help="Leave herd.duckdb as it is.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Load what has landed into the lake, claim identities, check, and publish herd.duckdb.

    Days already loaded are left alone; a day that fails does not stop the others.
    """
    from herdbook.contracts.share import Share
    from herdbook.night import load_herd

    mine = Share.parse(share)
    with steps_bar(log=True) as progress:
        night = load_herd(get_settings(), days or (), publish=not no_publish, progress=progress, share=mine)
    print_rows([asdict(loaded) for loaded in night.loads], as_json=as_json, title="loaded")
    if night.claimed:
        console.print(f"identities claimed in {len(night.claimed)} device days")
    if night.published:
        console.print(f"published {night.published}")
    night.raise_errors()


def publish(*, as_json: JsonFlag = False) -> None:
    """Check the lake and publish herd.duckdb. A failed check leaves the last one as it was."""
    from herdbook.night import check_and_publish

    with steps_bar(log=True) as progress:
        path = check_and_publish(get_settings(), progress)
    if as_json:
        from herdbook.overview.coverage import watched

        print_json({"published": path, "coverage": watched(get_settings())})
    else:
        console.print(f"published {path}")


def retention(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed, and remove nothing.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Remove footage past HERDBOOK_FOOTAGE_KEEP_DAYS, landed files that the lake holds, and transfers given up.

    Records stay in the lake for ever, and what was rejected stays in quarantine.
    """
    from herdbook.ingest.retention import apply_retention

    removed = apply_retention(get_settings(), dry_run=dry_run)
    print_rows([asdict(removed)], as_json=as_json, title="would be removed" if dry_run else "removed")
