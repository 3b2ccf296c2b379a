"""The demo's devices: filming simulated, recorded and served by the real commands."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path

from herdbook.demo.place import PLAN, SUITE, OwnCamera, Place
from herdbook.demo.steps import Detail
from herdbook.edge.init import TOKEN_NAME
from herdbook.edge.tokens import new_token_file
from herdbook.errors import HerdbookError
from herdbook.fleet import inventory
from herdbook.processes.background import Background

HERDBOOK = (sys.executable, "-m", "herdbook")
OWN_CAMERA_STARTS = "12:00"
"""When, on the farm's first day, a video of the user's own is said to begin."""


def film(place: Place, detail: Detail) -> str:
    """``herdbook simulate farm``: all devices at once."""
    options = [
        *("--farm-id", PLAN.farm_id, "--barn", PLAN.barn, "--timezone", PLAN.timezone),
        *("--start-day", PLAN.start_day, "--days", PLAN.days, "--pens", PLAN.pens, "--animals", PLAN.animals_per_pen),
        *("--lame", PLAN.lameness.animals, "--jobs", min(PLAN.pens, os.cpu_count() or 1)),
    ]
    clips = PLAN.days * PLAN.pens * PLAN.clips_per_day
    with _command(place, "simulate", "simulate", "farm", place.farm, *map(str, options)) as simulation:
        while simulation.wait(0.5) is None:
            detail(f"{len(list(place.farm.glob('devices/*/footage/*/*.mp4')))} of about {clips} clips")
        _succeeded(simulation)
    return f"{PLAN.pens * PLAN.animals_per_pen} pigs, {PLAN.days} days"


def film_suite(place: Place, detail: Detail) -> str:
    """``herdbook simulate suite``: farms to learn from, and farms to judge by."""
    for folder, splits in ((place.lessons, ("train", "validation")), (place.scenes, ("held-out",))):
        options = [*(option for split in splits for option in ("--split", split)), "--jobs", str(os.cpu_count() or 1)]
        with _command(place, f"simulate-{folder.name}", "simulate", "suite", SUITE, folder, *options) as simulation:
            while simulation.wait(0.5) is None:
                clips = len(list(folder.glob("*/*/devices/*/footage/*/*.mp4")))
                detail(f"{clips} clips to {'learn from' if folder == place.lessons else 'judge by'}")
            _succeeded(simulation)
    return (
        f"{len(list(place.lessons.glob('*/*')))} farms to learn from, {len(list(place.scenes.glob('*/*')))} to judge by"
    )


def record(place: Place, device_ids: tuple[str, ...], detail: Detail) -> str:
    """``herdbook edge record`` on every simulated device at once."""
    with ExitStack() as stack:
        recorders = [
            stack.enter_context(_command(place, f"record-{d}", "edge", "record", "--root", place.device(d)))
            for d in device_ids
        ]
        for recorder in recorders:
            while recorder.wait(0.5) is None:
                done = sum(len(list(place.device(d).glob("days/*/r*/manifest.json"))) for d in device_ids)
                detail(f"{done} of {len(device_ids) * PLAN.days} device days")
            _succeeded(recorder)
    return f"{len(device_ids) * PLAN.days} device days"


def record_own(place: Place, own: OwnCamera) -> str:
    """``herdbook edge record`` of the user's video."""
    options: list[str | Path] = [
        *("--root", place.device(own.device_id), "--video", own.video.absolute()),
        *("--device-id", own.device_id, "--farm-id", PLAN.farm_id, "--pen-id", own.pen_id),
        *("--timezone", PLAN.timezone, "--start", f"{PLAN.start_day}T{OWN_CAMERA_STARTS}"),
    ]
    with _command(place, f"record-{own.device_id}", "edge", "record", *options) as recorder:
        recorder.wait()
        _succeeded(recorder)
    return f"{own.video.name} is {own.device_id}'s footage of {PLAN.start_day}, {OWN_CAMERA_STARTS} on"


def serve(place: Place, device_ids: tuple[str, ...], stack: ExitStack) -> dict[str, str]:
    """Start every device's agent and enrol it; addresses by device. Leaving ``stack`` stops them."""
    for device_id in device_ids:
        new_token_file(place.device(device_id) / TOKEN_NAME)
    agents = {
        d: stack.enter_context(_command(place, f"agent-{d}", "edge", "serve", "--root", place.device(d), "--port", "0"))
        for d in device_ids
    }
    urls = {device_id: agent.wait_for(r"http://\S+") for device_id, agent in agents.items()}
    for device_id, url in urls.items():
        inventory.enrol(
            place.settings,
            device_id,
            farm_id=PLAN.farm_id,
            url=url,
            timezone=PLAN.timezone,
            token=(place.device(device_id) / TOKEN_NAME).read_text(encoding="ascii"),
        )
    return urls


def _command(place: Place, name: str, *arguments: str | Path) -> Background:
    return Background(name, [*HERDBOOK, *arguments], place.logs / f"{name}.log", {**os.environ, "NO_COLOR": "1"})


def _succeeded(process: Background) -> None:
    if process.wait(0) != 0:
        process.check()
        raise HerdbookError(f"{process.name} did not end")
