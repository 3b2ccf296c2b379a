"""``herdbook ingest``: pull device days."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from herdbook.cli.day import parse_day
from herdbook.cli.output import JsonFlag, console, print_rows
from herdbook.errors import InputError
from herdbook.settings import get_settings

if TYPE_CHECKING:
    from herdbook.ingest.result import IngestResult, Progress


def ingest(
    device: Annotated[str, typer.Argument(help="The device's name, for example barn-a-1.")],
    day: Annotated[
        date | None, typer.Argument(help="The farm-local day to pull.", parser=parse_day, metavar="[DAY]")
    ] = None,
    *,
    until: Annotated[
        date | None,
        typer.Option(help="Instead: every day up to this one that is not here yet.", parser=parse_day, metavar="DAY"),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Pull one day of a device, or all it still owes: records first, then the footage worth most.

    An interrupted transfer continues where it stopped. What fails its checks goes to quarantine and ends the command
    with the exit code of the first finding; the rest lands.
    """
    from herdbook.ingest.night import first_failure, ingest_device
    from herdbook.ingest.pull import ingest_day

    if (day is None) == (until is None):
        raise InputError("give either DAY or --until DAY", "For example: herdbook ingest barn-a-1 2026-03-02")
    settings = get_settings()
    with _progress_bar() as progress:
        if day is not None:
            results = [ingest_day(settings, device, day, progress)]
        else:
            assert until is not None, "one of both, checked above"
            results = ingest_device(settings, device, until, progress)
    print_rows(_rows(results, as_json), as_json=as_json)
    failure = first_failure(results)
    if failure is not None:
        for finding in (finding for result in results for finding in result.findings):
            if finding.message != failure.message:
                console.print(f"also: {finding.message}", markup=False, soft_wrap=True)
        raise failure


def _rows(results: Sequence[IngestResult], as_json: bool) -> list[dict[str, Any]]:
    return [
        {
            "device": result.device_id,
            "day": result.day,
            "revision": result.revision,
            "state": result.state.value,
            "clips_kept": result.clips_kept,
            "clips_skipped": result.clips_skipped,
            "bytes": result.bytes,
            "findings": [
                {"error": f.error.__name__, "exit_code": f.error.exit_code, "file": f.file, "rows": f.rows}
                | {"message": f.message}
                for f in result.findings
            ]
            if as_json
            else len(result.findings),
            "folder": result.folder,
        }
        for result in results
    ]


@contextmanager
def _progress_bar() -> Iterator[Progress]:
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        tasks: dict[str, Any] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done)

        yield report
