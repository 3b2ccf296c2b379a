"""Simulate a suite: each farm into a folder of its own, and an index of what there is.

::

    OUT/index.json                                 suite, its SHA-256, and per scene: split, folder, farm, species,
                                                   ethogram, and each clip with its device, day, camera and conditions
    OUT/{train,validation,held-out,second-species}/<farm>/…      a farm each, as `herdbook.simulate.run` lays it out
    OUT/severity/<farm>/<condition>-<severity>/…   the same scenes; severity 0 is there once, as clear-0
    …/truth/<device>/<day>/visibility.parquet      beside the other truth: how much of each animal each frame shows
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from herdbook.contracts.durable import write_durably
from herdbook.errors import ConfigurationError
from herdbook.simulate.design import design_farm
from herdbook.simulate.device_days import Progress, SimulatedDay, camera_schedule
from herdbook.simulate.farm import Farm
from herdbook.simulate.footage import clip_name
from herdbook.simulate.parallel import side_by_side
from herdbook.simulate.plan import FarmPlan
from herdbook.simulate.run import planned_frames, simulate_farm
from herdbook.simulate.schedule import recorded
from herdbook.simulate.stage.plan import Condition
from herdbook.simulate.stage.species import SPECIES
from herdbook.simulate.suite import LoadedSuite, Split, SuiteScene

INDEX = "index.json"


def simulate_suite(
    loaded: LoadedSuite, out: Path, splits: tuple[Split, ...] = (), progress: Progress | None = None, *, jobs: int = 1
) -> list[SimulatedDay]:
    """Simulate the farms of some splits, or of all; interrupted, it is continued by the same call.

    Args:
        loaded: the suite.
        out: folder to write, created where it is missing.
        splits: which; none is all.
        progress: called with numbers of frames, which add up to `suite_frames`.
        jobs: farms simulated at once, each in a process of its own.

    Raises:
        ConfigurationError: the folder holds another suite.
        MissingDependencyError: OpenCV is not installed.
        DiskFullError: no space is left.
    """
    _index(loaded, out)
    scenes = list(loaded.suite.scenes(*splits))
    report = progress or (lambda _: None)
    tasks = [(scene.plan, out / scene.folder) for scene in scenes]
    if jobs > 1 and len(tasks) > 1:
        return [day for days in side_by_side(_simulate, tasks, report, jobs) for day in days]
    return [day for task in tasks for day in _simulate(*task, report)]


def suite_frames(loaded: LoadedSuite, splits: tuple[Split, ...] = ()) -> int:
    """Frames of some splits, or of all."""
    return sum(planned_frames(scene.plan) for scene in loaded.suite.scenes(*splits))


def _simulate(plan: FarmPlan, folder: Path, report: Progress) -> list[SimulatedDay]:
    return simulate_farm(plan, folder, report)


def _index(loaded: LoadedSuite, out: Path) -> None:
    said = {"suite_id": loaded.suite.suite_id, "sha256": loaded.sha256}
    path = out / INDEX
    if path.exists():
        there = json.loads(path.read_text(encoding="utf-8"))
        if {name: there.get(name) for name in said} != said:
            raise ConfigurationError(f"{out} holds another suite", "Name another folder, or remove this one.")
        return
    out.mkdir(parents=True, exist_ok=True)
    document = said | {"scenes": [_scene(scene) for scene in loaded.suite.scenes()]}
    write_durably(path, json.dumps(document, indent=1).encode())


def _scene(scene: SuiteScene) -> dict[str, Any]:
    farm = design_farm(scene.plan)
    stage = scene.plan.stage
    assert stage is not None, "suites are of hard scenes"
    return {
        "split": scene.split.value,
        "folder": scene.folder,
        "farm_id": scene.plan.farm_id,
        "species": stage.species,
        "ethogram_id": SPECIES[stage.species].ethogram_id,
        "floor": stage.floor.value,
        "animals": scene.plan.animals_per_pen,
        "clips": list(_clips(farm)),
    }


def _clips(farm: Farm) -> list[dict[str, Any]]:
    clips = []
    for camera in farm.cameras:
        for day in farm.plan.simulated_days():
            for interval in recorded(camera_schedule(farm, camera.camera_id, day)):
                shot = farm.plan.shot_at(interval.start)
                clips.append(
                    {
                        "clip": clip_name(camera.camera_id, interval.start),
                        "device_id": camera.device_id,
                        "day": day.isoformat(),
                        "camera_id": camera.camera_id,
                        "seconds": interval.seconds,
                        "conditions": {c.value: s for c in Condition if (s := shot.severity(c))},
                    }
                )
    return clips
