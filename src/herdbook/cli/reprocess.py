"""``herdbook reprocess``: archived footage, read again by another release."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from herdbook.cli.day import FirstDay, LastDay
from herdbook.cli.output import JsonFlag, print_rows
from herdbook.cli.progress import steps_bar
from herdbook.settings import get_settings


def reprocess(
    *,
    release: Annotated[Path, typer.Option(help="Folder of the release, with its engine.yaml.")],
    device: Annotated[str | None, typer.Option(help="Only this device.", show_default=False)] = None,
    since: FirstDay = None,
    until: LastDay = None,
    at_most: Annotated[int | None, typer.Option(help="Read so many device days and no more.", min=1)] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Say which device days would be read, and read none.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Read archived footage again with another release, oldest day first, and load what it sees as readings.

    A reading is no revision of the device's day: no view of the herd shows it. In the lake, `reading` names each, and
    `herdbook sql --lake "FROM record.bout JOIN reading USING (load_id)"` shows its rows. Days that the release has read
    are left alone; interrupted, the same command goes on.
    """
    from herdbook.learning.evaluation.engine_file import read_engine
    from herdbook.learning.reprocess import pending_days, reprocess_day

    settings = get_settings()
    engine = read_engine(release / "engine.yaml")
    days = pending_days(settings, engine, device_id=device or None, since=since, until=until)[:at_most]
    if plan:
        rows = [
            {
                "device_id": day.device_id,
                "day": day.day,
                "clips": len(day.clips),
                "seconds": round(sum(clip.seconds for clip in day.clips)),
            }
            for day in days
        ]
        print_rows(rows, as_json=as_json, title=f"to be read by {engine.release.release_id}")
        return
    with steps_bar(log=True) as progress:
        done = [reprocess_day(settings, engine, day, progress) for day in days]
    print_rows([asdict(one) for one in done], as_json=as_json, title=f"read by {engine.release.release_id}")
