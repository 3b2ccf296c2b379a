"""A release through 200, then 1,000 devices: what a rollout costs the platform, per device.

Assignments are signed in a real TUF repository, and every device is a client of it (`herdbook.edge.install.Installer`)
with a folder of its own, which verifies and installs the release; the driver asks and nudges each over HTTP. What is
simulated is the engine: proving it takes no time, and certificate and drift are made up. Devices share processes, many
to each; the platform's processor time is that of the driver's process alone.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from herdbook.cli.output import console
from herdbook.contracts.release import Release
from herdbook.fleet.inventory import enrol
from herdbook.fleet.rollout.control import begin
from herdbook.fleet.rollout.driver import Driver, counts
from herdbook.fleet.trust import publish_release
from herdbook.fleet.trust.ceremony import init
from herdbook.fleet.trust.keys import OfflineKeys
from herdbook.fleet.trust.store import newest_root
from herdbook.ledger.migrate import upgrade
from herdbook.ledger.rollouts import RolloutPhase
from herdbook.processes.background import Background
from herdbook.settings import Settings
from support.fleet_devices import token_of, write_devices
from support.releases import release_document
from support.rollouts import NEW, OLD, policy

FLEETS = (200, 1000)
PROCESSES = 2
"""That share the devices among them."""
PATIENCE_S = 120.0
"""All devices share two processors: one may wait for its turn."""
RESULTS = Path(__file__).parent / "results" / "rollout.json"
WAVES = {"waves": {"sizes": [10, 50, 200], "most_of_farm": 0.5}, "canaries": {"per": ["engine_key"], "count": 1}}


@dataclass
class Cost:
    """What a rollout took. Times in seconds; ``platform_ms_per_device``: processor time of the driver."""

    devices: int
    waves: int
    steps: int
    wall_s: float
    platform_s: float
    platform_ms_per_device: float
    signing_s: float
    device_ms_per_device: float


def run(fleets: tuple[int, ...] = FLEETS) -> list[dict[str, Any]]:
    """Rows as the others have them: ours against the least that a device needs, one report and one nudge a step."""
    costs = [_roll_out(count) for count in fleets]
    RESULTS.write_text(json.dumps([asdict(cost) for cost in costs], indent=1) + "\n")
    first = costs[0].platform_ms_per_device
    return [
        {
            "name": f"a rollout over {cost.devices} devices in {cost.waves} waves, {cost.steps} steps",
            "ours": round(cost.platform_ms_per_device, 1),
            "baseline": round(first, 1),
            "unit": "ms of the platform's processor a device",
            "ratio": round(cost.platform_ms_per_device / first, 2),
        }
        for cost in costs
    ]


def _roll_out(count: int) -> Cost:
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        folder = Path(place)
        settings = Settings(home=folder / "home", timeout_s=PATIENCE_S)
        upgrade(settings)
        (folder / "offline").mkdir()
        init(settings, OfflineKeys((folder / "offline",), b"a passphrase of the benchmark"))
        for release_id in (OLD, NEW):
            publish_release(settings, _release(folder, release_id))
        source = _serve(settings, folder, stack)
        devices = {f"d-{n:04}": {"kind": "cpu", "fault": "", "farm": f"farm-{n // 10:03}"} for n in range(count)}
        agents = [
            _devices(settings, folder / f"agents-{k}", dict(list(devices.items())[k::PROCESSES]), source, stack)
            for k in range(PROCESSES)
        ]
        begun, used = time.monotonic(), _used()
        signing: list[float] = []
        number = begin(settings, NEW, policy(WAVES), by="benchmark")
        marks: dict[str, float] = {}

        def trace(deed: str) -> None:
            marks[deed] = time.process_time()
            if deed == "signed":
                signing.append(marks["signed"] - marks["decided"])

        driver, steps = Driver(settings, timeout_s=PATIENCE_S, trace=trace), 0
        while True:
            progress, steps = driver.step(number), steps + 1
            console.print(f"{steps}: {progress.state.phase.value} {counts(progress.state.members)}")
            if progress.settled:
                break
            time.sleep(2.0)
        if progress.state.phase is not RolloutPhase.DONE:
            sys.exit(f"the rollout was {progress.state.phase.value}: {progress.state.reason}")
        platform, wall = _used() - used, time.monotonic() - begun
        on_devices = sum(_used_by(agent) for agent in agents)
        return Cost(
            devices=count,
            waves=len(progress.state.waves),
            steps=steps,
            wall_s=round(wall, 1),
            platform_s=round(platform, 2),
            platform_ms_per_device=round(1000 * platform / count, 2),
            signing_s=round(sum(signing), 2),
            device_ms_per_device=round(1000 * on_devices / count, 1),
        )


def _release(folder: Path, release_id: str) -> Path:
    """A release of small files."""
    place = folder / "made" / release_id
    place.mkdir(parents=True)
    document = release_document(release_id)
    for file in document["files"]:
        content = f"{release_id} {file['name']}".encode() * 200
        (place / file["name"]).write_bytes(content)
        file |= {"bytes": len(content), "sha256": sha256(content).hexdigest()}
    (place / "release.json").write_text(Release.model_validate(document).model_dump_json())
    return place


def _serve(settings: Settings, folder: Path, stack: ExitStack) -> str:
    env = os.environ | {"HERDBOOK_HOME": str(settings.home)}
    command = [sys.executable, "-m", "herdbook", "fleet", "serve", "--port", "0"]
    server = stack.enter_context(Background("repository", command, folder / "repository.log", env))
    return server.wait_for(r"http://\S+", timeout_s=240)


def _devices(
    settings: Settings, folder: Path, devices: dict[str, dict[str, str]], source: str, stack: ExitStack
) -> Background:
    write_devices(folder, devices)
    root = newest_root(settings)
    for name in devices:
        trust = folder / "roots" / name / "trust"
        trust.mkdir(parents=True)
        shutil.copyfile(root, trust / "root.json")
    command = [sys.executable, "-m", "support.fleet_devices", str(folder), source]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(["tests", *sys.path])}
    agent = stack.enter_context(Background("devices", command, folder / "devices.log", env))
    url = agent.wait_for(r"http://\S+", timeout_s=240)
    for name, said in devices.items():
        enrol(settings, name, farm_id=said["farm"], url=f"{url}/d/{name}", timezone="UTC", token=token_of(name))
    return agent


def _used() -> float:
    mine = resource.getrusage(resource.RUSAGE_SELF)
    return mine.ru_utime + mine.ru_stime


def _used_by(agent: Background) -> float:
    """Processor time of a session's processes so far."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(") ")[2].split()
        except OSError:
            continue
        if int(fields[3]) == agent.session:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
