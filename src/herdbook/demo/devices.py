"""The demo's devices: filming simulated, recorded and served by the real commands."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path

from herdbook.demo.fleet import trust_releases
from herdbook.demo.place import PLAN, SUITE, OwnCamera, Place
from herdbook.demo.processes import command, succeeded
from herdbook.demo.steps import Detail
from herdbook.edge.init import TOKEN_NAME
from herdbook.edge.tokens import new_token_file
from herdbook.fleet import inventory

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
    with command(place, "simulate", "simulate", "farm", place.farm, *map(str, options)) as simulation:
        while simulation.wait(0.5) is None:
            detail(f"{len(list(place.farm.glob('devices/*/footage/*/*.mp4')))} of about {clips} clips")
        succeeded(simulation)
    return f"{PLAN.pens * PLAN.animals_per_pen} pigs, {PLAN.days} days"


def film_suite(place: Place, detail: Detail) -> str:
    """``herdbook simulate suite``: farms to learn from, and farms to judge by."""
    for folder, splits in ((place.lessons, ("train", "validation")), (place.scenes, ("held-out",))):
        options = [*(option for split in splits for option in ("--split", split)), "--jobs", str(os.cpu_count() or 1)]
        with command(place, f"simulate-{folder.name}", "simulate", "suite", SUITE, folder, *options) as simulation:
            while simulation.wait(0.5) is None:
                clips = len(list(folder.glob("*/*/devices/*/footage/*/*.mp4")))
                detail(f"{clips} clips to {'learn from' if folder == place.lessons else 'judge by'}")
            succeeded(simulation)
    return (
        f"{len(list(place.lessons.glob('*/*')))} farms to learn from, {len(list(place.scenes.glob('*/*')))} to judge by"
    )


def record(place: Place, device_ids: tuple[str, ...], days: Sequence[date], detail: Detail) -> str:
    """``herdbook edge record`` of some days on every simulated device at once, by whatever release each runs."""
    for day in days:
        with ExitStack() as stack:
            recorders = [
                stack.enter_context(
                    command(place, f"record-{d}", "edge", "record", "--root", place.device(d), "--day", str(day))
                )
                for d in device_ids
            ]
            detail(str(day))
            for recorder in recorders:
                recorder.wait()
                succeeded(recorder)
    return f"{len(device_ids) * len(days)} device days"


def record_own(place: Place, own: OwnCamera) -> str:
    """``herdbook edge record`` of the user's video."""
    options: list[str | Path] = [
        *("--root", place.device(own.device_id), "--video", own.video.absolute()),
        *("--device-id", own.device_id, "--farm-id", PLAN.farm_id, "--pen-id", own.pen_id),
        *("--timezone", PLAN.timezone, "--start", f"{PLAN.start_day}T{OWN_CAMERA_STARTS}"),
    ]
    with command(place, f"record-{own.device_id}", "edge", "record", *options) as recorder:
        recorder.wait()
        succeeded(recorder)
    return f"{own.video.name} is {own.device_id}'s footage of {PLAN.start_day}, {OWN_CAMERA_STARTS} on"


def serve(place: Place, device_ids: tuple[str, ...], releases: str, stack: ExitStack) -> dict[str, str]:
    """Start every device's agent and updater and enrol it; addresses by device. Leaving ``stack`` stops them."""
    for device_id in device_ids:
        trust_releases(place, device_id, releases)
        new_token_file(place.device(device_id) / TOKEN_NAME)
    options = ("--port", "0", "--update")
    agents = {
        d: stack.enter_context(command(place, f"agent-{d}", "edge", "serve", "--root", place.device(d), *options))
        for d in device_ids
    }
    urls = {d: agent.wait_for(r"serves on http://\S+").removeprefix("serves on ") for d, agent in agents.items()}
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
