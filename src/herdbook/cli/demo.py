"""``herdbook demo``: a farm, three nights, a student and its rollout, and an answer."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from herdbook.cli.output import JsonFlag, console, print_json, print_rows
from herdbook.settings import get_settings

if TYPE_CHECKING:
    from herdbook.demo.run import Result


def demo(
    *,
    video: Annotated[
        Path | None, typer.Option(help="A video of your own as the camera of one more device.", metavar="FILE")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what an earlier demo made, and begin anew.")] = False,
    stay: Annotated[
        bool, typer.Option("--stay", help="Then keep Airflow's web interface and the agents running, until Ctrl-C.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Two simulated devices film 16 pigs for three days; real agents, real DAGs, a student that is trained and
    rolled out, and an answer.

    Interrupted, it continues where it stopped. Everything lies under HERDBOOK_HOME, which has to be the demo's own.
    """
    from herdbook.demo.guard import guarded
    from herdbook.demo.lifetime import ends_with_us
    from herdbook.demo.place import Place
    from herdbook.demo.run import prepare, run_demo
    from herdbook.demo.steps import Steps

    started = time.monotonic()
    own = prepare(video)
    place = Place(get_settings())
    with guarded(place.settings, fresh=fresh), ends_with_us() as stack:
        steps = Steps(place.done, console)
        result = run_demo(place, steps, stack, own, stay=stay)
        seconds = round(time.monotonic() - started, 1)
        if as_json:
            told = {"published": result.published, "answer": result.answer, "boxes": result.boxes}
            told |= {
                "student": result.student,
                "judged": [r.model_dump(mode="json", include={"engine", "overall"}) for r in result.judged],
            }
            print_json({**told, "steps": steps.seconds, "seconds": seconds})
        else:
            _tell(result, seconds)
        if stay:
            _stay(result)


_MEASURES = {
    "n": "animals",
    "animal_days": "days of an animal",
    "observed_hours": "observed hours",
    "lying_min_per_observed_hour": "lying, minutes per observed hour",
    "metres_per_observed_hour": "distance, metres per observed hour",
}


def _tell(result: Result, seconds: float) -> None:
    groups = {row["animals"]: row for row in result.answer}
    rows = [{"": said, **{group: row[name] for group, row in groups.items()}} for name, said in _MEASURES.items()]
    print_rows(
        rows, as_json=False, title="Before the farm noticed: lame animals, and sound ones of the same pens and days"
    )
    from herdbook.demo.answer import question_path
    from herdbook.learning.evaluation.table import beside

    herdbook = _herdbook()
    console.print(
        "An hour counts where an animal was observed and recognised; its other hours count as nothing.\n"
        "The farm is simulated and the sample is small: this shows the way of the data, and is no finding.\n"
        f"The question is {question_path()}.\n",
        soft_wrap=True,
    )
    if result.judged:
        title = "On farms that none of them learned from"
        print_rows(beside(result.judged, [r.data for r in result.judged]), as_json=False, title=title)
    console.print(
        "Minutes of training are few: the table shows that the loop works, not what a model is worth.\n"
        f"{result.student}.\n\n"
        f"[bold]{result.published}[/] is a plain DuckDB file for DuckDB's shell, Python, R or DBeaver. Go on with:\n"
        f"  {herdbook} sql \"FROM animal_day WHERE animal_id = 'demo-farm-0001'\"\n"
        f'  {herdbook} sql "FROM animal_timeline LIMIT 10"\n'
        f"{_evaluation(herdbook, result.boxes)}"
        "  make up                     Airflow's web interface and the devices, running\n"
        "  make demo VIDEO=file.mp4    a camera of your own\n"
        f"[dim]{seconds:.0f} s[/]",
        soft_wrap=True,
    )


def _evaluation(herdbook: str, boxes: Path | None) -> str:
    if boxes is None:
        return ""
    return f"  {herdbook} evaluate mot --pred {boxes} --truth FILE    if you have your video's truth in FILE\n"


def _herdbook() -> str:
    """How this shell can call this installation for this home."""
    home = get_settings().home
    here = "" if home == Path.cwd() / ".herdbook" else f"HERDBOOK_HOME={home} "
    if shutil.which("herdbook"):
        return f"{here}herdbook"
    script = Path(sys.executable).parent / "herdbook"
    return here + str(script.relative_to(Path.cwd()) if script.is_relative_to(Path.cwd()) else script)


def _stay(result: Result) -> None:
    assert result.airflow is not None, "it was started: we stay"
    from herdbook.demo.airflow import USER

    console.print(
        f"Airflow: [bold]{result.airflow.url}[/], user '{USER}', password in {result.airflow.password_file}\n"
        + (f"MLflow: [bold]{result.mlflow}[/]\n" if result.mlflow else "")
        + "".join(f"{device}: {url}\n" for device, url in result.agents.items())
        + "Ctrl-C stops all of it.",
        soft_wrap=True,
    )
    try:
        while True:
            result.airflow.process.check()
            time.sleep(1)
    except KeyboardInterrupt:
        console.print("Stopping")
