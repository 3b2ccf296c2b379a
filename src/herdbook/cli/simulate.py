"""``herdbook simulate``: synthetic farms with exact truth."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path
from typing import Annotated, Any

import typer

from herdbook.cli.output import JsonFlag, console, print_json, print_rows
from herdbook.cli.progress import count_bar
from herdbook.cli.simulate_herd import herd

app = typer.Typer(help="Make synthetic farms and herds with exact truth.", no_args_is_help=True)
app.command()(herd)


@app.command()
def farm(
    out: Annotated[Path, typer.Argument(help="Folder to write; an interrupted farm in it is continued.")],
    *,
    seed: Annotated[int, typer.Option(help="The same seed and options give the same farm, to the pixel.")] = 0,
    days: Annotated[int, typer.Option(help="Days to simulate.")] = 3,
    start_day: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="First farm-local day.")] = "2026-03-02",
    timezone: Annotated[str, typer.Option(help="IANA time zone of the farm.")] = "Europe/London",
    farm_id: Annotated[str, typer.Option(help="The farm's id.")] = "demo-farm",
    barn: Annotated[str, typer.Option(help="Devices are named <barn>-1, <barn>-2, …")] = "barn-a",
    pens: Annotated[int, typer.Option(help="Pens.")] = 2,
    pens_per_device: Annotated[int, typer.Option(help="Pens that one device watches.")] = 1,
    cameras: Annotated[int, typer.Option(help="Cameras per pen, 1 or 2; two overlap.")] = 1,
    animals: Annotated[int, typer.Option(help="Animals per pen.")] = 8,
    width: Annotated[int, typer.Option(help="Pixels across.")] = 480,
    height: Annotated[int, typer.Option(help="Pixels down.")] = 360,
    fps: Annotated[int, typer.Option(help="Frames per second.")] = 4,
    clips: Annotated[int, typer.Option(help="Clips per camera and day, evenly spread; animals live all day.")] = 12,
    clip_seconds: Annotated[int, typer.Option(help="Length of a clip.")] = 30,
    first_clip: Annotated[str, typer.Option(metavar="HH:MM", help="Local start of the first clip.")] = "07:30",
    last_clip: Annotated[str, typer.Option(metavar="HH:MM", help="Local start of the last clip.")] = "19:30",
    outages: Annotated[float, typer.Option(help="Mean number of outages per camera and day.")] = 0.3,
    lame: Annotated[int, typer.Option(help="Animals of the farm that go lame.")] = 0,
    notice_days: Annotated[
        tuple[float, float], typer.Option(help="Shortest and longest time from onset until the farm notices.")
    ] = (2.5, 5.0),
    lame_lying: Annotated[
        float, typer.Option(help="Mean lying bout of a lame animal, times that of a sound one.")
    ] = 1.35,
    lame_speed: Annotated[float, typer.Option(help="Walking speed of a lame animal, times that of a sound one.")] = 0.5,
    lame_eating: Annotated[float, typer.Option(help="Inclination of a lame animal to eat, times a sound one's.")] = 0.6,
    jobs: Annotated[int, typer.Option(help="Devices simulated at once, one process each.")] = 1,
    as_json: JsonFlag = False,
) -> None:
    """Pens of pigs seen from above: H.264 footage, exact truth, roster and farm records, deterministic by seed.

    Animals behave all day by the nine behaviours of the ethogram pig-9; clips are windows onto that day. Lame animals
    lie more, walk slower and eat less from onset on, days before the farm writes it down. Sizes of effects are choices,
    recorded with everything else in OUT/farm.yaml. The folder's layout is described in herdbook.simulate.run.
    """
    lameness = {
        "animals": lame,
        "delay_days": notice_days,
        "lying_bout_factor": lame_lying,
        "speed_factor": lame_speed,
        "eating_factor": lame_eating,
    }
    asked: dict[str, Any] = {
        "seed": seed,
        "farm_id": farm_id,
        "timezone": timezone,
        "start_day": _parsed("start-day", start_day, date.fromisoformat),
        "days": days,
        "barn": barn,
        "pens": pens,
        "pens_per_device": pens_per_device,
        "cameras_per_pen": cameras,
        "animals_per_pen": animals,
        "width": width,
        "height": height,
        "fps": fps,
        "clips_per_day": clips,
        "clip_seconds": clip_seconds,
        "first_clip": _parsed("first-clip", first_clip, time.fromisoformat),
        "last_clip": _parsed("last-clip", last_clip, time.fromisoformat),
        "outages_per_day": outages,
        "lameness": lameness,
    }
    from herdbook.simulate.plan import make_plan
    from herdbook.simulate.run import planned_frames, simulate_farm

    plan = make_plan(asked)
    with count_bar("simulating", planned_frames(plan)) as drawn:
        days_done = simulate_farm(plan, out, drawn, jobs=jobs)
    rows = [vars(done) for done in days_done]
    if as_json:
        print_json({"folder": out, "devices": out / "devices", "roster": out / "roster", "days": rows})
    else:
        print_rows(rows, as_json=False, title=f"{out}")
        console.print(f"{out}: farm.yaml, roster/, labels/, devices/ and truth/ are written.", soft_wrap=True)


@app.command()
def suite(
    name: Annotated[str, typer.Argument(help="A shipped suite, for example hard-1, or a suite's file.")],
    out: Annotated[Path, typer.Argument(help="Folder to write; an interrupted suite in it is continued.")],
    *,
    split: Annotated[
        list[str] | None,
        typer.Option(
            help="train, validation, held-out, second-species or severity; may be repeated. All if not given.",
            show_default=False,
        ),
    ] = None,
    jobs: Annotated[int, typer.Option(help="Farms simulated at once, one process each.")] = 1,
    as_json: JsonFlag = False,
) -> None:
    """A frozen list of hard farms, split by farm, animal, seed and day, and scenes at graded severity.

    OUT/index.json lists every scene and clip with its conditions; each farm is a folder like that of `simulate farm`.
    What makes the farms hard, and what stays exact, is in docs/adr/0080-a-harder-simulator.md.
    """
    from herdbook.simulate.suite import Split, load_suite
    from herdbook.simulate.suite_run import simulate_suite, suite_frames

    loaded, splits = load_suite(name), tuple(_parsed("split", text, Split) for text in split or ())
    with count_bar("simulating", suite_frames(loaded, splits)) as drawn:
        done = simulate_suite(loaded, out, splits, drawn, jobs=jobs)
    said = {
        "suite": loaded.suite.suite_id,
        "sha256": loaded.sha256,
        "folder": out,
        "farm_days": len(done),
        "clips": sum(day.clips for day in done),
        "frames": sum(day.frames for day in done),
    }
    if as_json:
        print_json(said)
    else:
        print_rows([said], as_json=False)


def _parsed(option: str, text: str, parse: Any) -> Any:
    try:
        return parse(text)
    except ValueError as error:
        raise typer.BadParameter(f"'{text}' is not valid: {error}", param_hint=f"--{option}") from error
