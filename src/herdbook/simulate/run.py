"""Simulate a farm: draw it, live it, film it, and write down what is true of it.

What is written, and stays so because other parts read it::

    OUT/farm.yaml                                    everything chosen: `herdbook.simulate.farm.Farm`
    OUT/roster/{farms,pens,devices,cameras,animals,identifiers,pen_stays}.csv     for `herdbook roster import`
    OUT/labels/{lameness,diagnoses,weights}.{csv,yaml}       what the farm wrote down, each with its mapping file
    OUT/devices/<device>/device.yaml                 for `herdbook edge record`
    OUT/devices/<device>/footage/<camera>/background.png     the empty pen
    OUT/devices/<device>/footage/<camera>/<camera>_<YYYYMMDDTHHMMSSZ>.mp4          clips, named by their start in UTC
    OUT/truth/<device>/<day>/boxes.parquet           `BOXES_SCHEMA`; tracklet_id is the animal_id
    OUT/truth/<device>/<day>/behaviours.parquet      animal_id, started_at, ended_at, behaviour: the whole day
    OUT/truth/<device>/<day>/paths.parquet           animal_id, at, x_m, y_m, heading_rad: the whole day, knots
    OUT/truth/<device>/<day>/coverage.csv            columns of coverage records; the whole day, on while a clip runs
    OUT/truth/<device>/<day>/masks/<camera>.parquet  label images as run lengths: `herdbook.simulate.masks`
    OUT/truth/<device>/<day>/mot/<clip>.txt          MOTChallenge; id k is the k-th animal of the pen in farm.yaml
    OUT/truth/<device>/<day>/visibility.parquet      `truth.VISIBILITY_SCHEMA`; only on a stage, where boxes hold
                                                     what is seen of an animal and something may hide the rest

A day's truth folder appears last and whole: where it is there, the day is finished, and a later run skips it.
"""

from __future__ import annotations

from pathlib import Path

from herdbook.errors import ConfigurationError
from herdbook.simulate.design import design_farm
from herdbook.simulate.device_days import Progress, SimulatedDay, camera_schedule, simulate_device
from herdbook.simulate.device_file import write_device_file
from herdbook.simulate.farm import Farm, read_farm, write_farm
from herdbook.simulate.farm_records import write_farm_records
from herdbook.simulate.parallel import side_by_side
from herdbook.simulate.plan import FarmPlan
from herdbook.simulate.roster import write_roster
from herdbook.simulate.schedule import recorded


def simulate_farm(plan: FarmPlan, out: Path, progress: Progress | None = None, *, jobs: int = 1) -> list[SimulatedDay]:
    """Make the farm of a plan in a folder. Interrupted, it is continued by the same call.

    Args:
        plan: what to make.
        out: folder to write, created where it is missing.
        progress: called with numbers of frames, which add up to `planned_frames`.
        jobs: devices simulated at once, each in a process of its own.

    Raises:
        ConfigurationError: the folder holds the farm of another plan.
        MissingDependencyError: OpenCV is not installed.
        DiskFullError: no space is left.
    """
    farm = prepare_farm(plan, out)
    report = progress or (lambda _: None)
    if jobs > 1 and len(farm.devices) > 1:
        tasks = [(farm, device_id, out) for device_id in farm.devices]
        return [day for days in side_by_side(_simulate_device, tasks, report, jobs) for day in days]
    return [done for device_id in farm.devices for done in simulate_device(farm, device_id, out, report)]


def _simulate_device(farm: Farm, device_id: str, out: Path, report: Progress) -> list[SimulatedDay]:
    return list(simulate_device(farm, device_id, out, report))


def prepare_farm(plan: FarmPlan, out: Path) -> Farm:
    """Write all but footage and its truth.

    Raises:
        ConfigurationError: the folder holds the farm of another plan.
    """
    farm = design_farm(plan)
    if (out / "farm.yaml").exists():
        if read_farm(out / "farm.yaml") != farm:
            raise ConfigurationError(
                f"{out} holds another farm", "Name another folder, or remove this one, or repeat its options exactly."
            )
        return farm
    out.mkdir(parents=True, exist_ok=True)
    write_roster(out / "roster", farm)
    write_farm_records(out / "labels", farm)
    for device_id in farm.devices:
        folder = out / "devices" / device_id
        folder.mkdir(parents=True, exist_ok=True)
        write_device_file(folder / "device.yaml", farm, device_id)
    write_farm(out / "farm.yaml", farm)
    return farm


def planned_frames(plan: FarmPlan) -> int:
    """Frames of the whole farm: what `Progress` adds up to."""
    farm = design_farm(plan)
    schedules = (camera_schedule(farm, c.camera_id, day) for c in farm.cameras for day in plan.simulated_days())
    return plan.fps * sum(i.seconds for schedule in schedules for i in recorded(schedule))
