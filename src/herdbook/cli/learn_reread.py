"""``herdbook learn reread``: the teacher reads again what the device was unsure of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from herdbook.cli.day import FirstDay, LastDay
from herdbook.cli.output import JsonFlag, console, print_rows
from herdbook.cli.progress import steps_bar
from herdbook.errors import ConfigurationError
from herdbook.settings import get_settings

if TYPE_CHECKING:
    from herdbook.learning.review.plan import ReviewPlan


def reread(
    *,
    teacher: Annotated[Path, typer.Option(help="Folder of the teacher's weights.")],
    release: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the student's release; the champion, or motion, if not given.", show_default=False
        ),
    ] = None,
    device: Annotated[str | None, typer.Option(help="Only this device.", show_default=False)] = None,
    since: FirstDay = None,
    until: LastDay = None,
    frames: Annotated[
        int | None, typer.Option(help="Unsure frames of a device day that the teacher reads at most, instead.")
    ] = None,
    every: Annotated[
        float | None, typer.Option(help="Read a frame this often beside, seconds, instead; none if 0.")
    ] = None,
    params: Annotated[
        Path | None,
        typer.Option(
            help="params.yaml whose section `review` counts; the shipped one if not given.", show_default=False
        ),
    ] = None,
    accelerator: Annotated[str, typer.Option(help="Where the teacher runs, for example cuda.")] = "cpu",
    again: Annotated[bool, typer.Option("--again", help="Though it was done.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Let the teacher read archived frames that the device was unsure of, and queue what disagrees for review.

    The device's own boxes say of which frames it was unsure: low scores, or an odd number of animals. Their share is
    a figure, kept in the ledger. Days that were done with the same student and teacher are left alone; interrupted, the
    same command goes on with the day that it was at. Tracks that look like another animal enter the queue too.
    """
    from herdbook.learning.archive import archived_days
    from herdbook.learning.review.finders import Sam3Finder
    from herdbook.learning.review.identity import queue_identities
    from herdbook.learning.review.reread import reread_before, reread_day
    from herdbook.learning.review.student import serving_student

    settings = get_settings()
    plan = review_plan(params, frames, every)
    days = archived_days(settings, device_id=device, since=since, until=until)
    finder = Sam3Finder(teacher, accelerator)
    rows = []
    with serving_student(settings, release) as student, steps_bar(log=True) as progress:
        for day in days:
            new = again or reread_before(settings, day, student, finder) is None
            done = reread_day(settings, day, student, finder, plan, again=again, progress=progress)
            rows.append(
                {
                    "device_id": done.device_id,
                    "day": done.day,
                    "student": done.student,
                    "frames": done.frames,
                    "unsure": done.unsure,
                    "share": round(done.share, 4),
                    "reread": done.reread,
                    "compared": done.compared,
                    "queued": done.queued,
                    "identities": queue_identities(settings, day, plan) if new else 0,
                }
            )
            console.print(f"{done.device_id} {done.day}: unsure of {done.share:.1%} of {done.frames} frames")
    print_rows(rows, as_json=as_json)


def review_plan(params: Path | None, frames: int | None, every: float | None) -> ReviewPlan:
    """Section ``review`` of params.yaml, with what the options say instead.

    Raises:
        NotFoundError, ConfigurationError: the file is not there or not valid, or an option is out of range.
    """
    from pydantic import ValidationError

    from herdbook.contracts.validation import first_problem
    from herdbook.learning.params import load_params

    said = load_params(params).review
    asked = {"frames": said.frames if frames is None else frames, "every_s": said.every_s if every is None else every}
    try:
        return type(said).model_validate(said.model_dump() | asked | {"every_s": asked["every_s"] or None})
    except ValidationError as error:
        raise ConfigurationError(f"what is read again: {first_problem(error.errors())}") from error
