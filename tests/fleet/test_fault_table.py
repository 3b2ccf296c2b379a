"""The fault table: each fault done for real to a platform, a server and devices that are processes of their own.

After each: no device is without a working engine, no unsigned byte runs, and the rollout stops where its gate says, or
goes on to its end where the device mends itself. docs/fault-table.md says the same for people. TensorRT itself never
runs here: trtexec is a stand-in, and there is no Jetson.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from herdbook.edge.activate import steps
from herdbook.edge.activate.build import TRTEXEC_VARIABLE
from herdbook.edge.activate.using import wait_until
from herdbook.edge.install.provision import TRUST
from herdbook.edge.install.seen import read_seen
from herdbook.edge.triton.environment import triton_home
from herdbook.errors import DiskFullError
from herdbook.fleet.rollout.driver import Progress
from herdbook.fleet.trust.store import read_state
from herdbook.ledger.rollouts import MemberPhase, RolloutPhase
from herdbook.processes.sessions import session_members
from support.disks import copied, fill, make_image, mounted, needs_mounts, small_disk
from support.fault_attacks import ATTACKS, Attack
from support.fault_claims import all_hold, runs_signed_bytes, stopped, went_on, works
from support.fault_device import CLIP_BEGAN
from support.fault_template import Template, made_template, publish
from support.fault_world import (
    NEW,
    OLD,
    ONE_BY_ONE,
    PATIENCE_S,
    TOGETHER,
    Device,
    World,
    wait_for,
)
from support.trust import Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
JETSON = {
    "proc/meminfo": "MemTotal:       16040208 kB\n",
    "proc/device-tree/model": "NVIDIA Jetson Orin NX Engineering Reference Developer Kit\0",
    "etc/nv_tegra_release": "# R36 (release), REVISION: 4.3, GCID: 38968081\n",
    "usr/include/NvInferVersion.h": "".join(
        f"#define NV_TENSORRT_{part} {number}\n" for part, number in (("MAJOR", 10), ("MINOR", 3), ("PATCH", 0))
    ),
    "usr/local/cuda/version.json": '{"cuda": {"version": "12.6.11"}}',
}
TRTEXEC = "#!/bin/sh\necho '[E] Error[4]: no tactic fits'\nexit 1\n"
"""A stand-in: TensorRT is not here."""
needs_triton = pytest.mark.skipif(triton_home() is None, reason="no Triton server here: `make triton` makes one")
Fleet = Callable[..., AbstractContextManager[World]]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Template]:
    """Devices that took the first release up, to be copied by each test."""
    with made_template(tmp_path_factory.mktemp("template"), tmp_path_factory.mktemp("beside")) as found:
        yield found


@pytest.fixture
def fleet(template: Template, tmp_path: Path) -> Fleet:
    """Makes the world of a test: so many devices of those that run the first release, all up."""
    return partial(template.world, tmp_path / "world")


# -- lives that end ---------------------------------------------------------------------------------------------------

LIVES = {
    "barn-1": (
        steps.OPENED,
        steps.BUILDING,
        steps.BUILT,
        steps.ROOM,
        steps.PROVING,
        steps.CERTIFIED,
        steps.SWITCHING,
        steps.PROBED,
        steps.POINTED,
    ),
    "barn-2": (steps.CHANGED,),
    "barn-3": (steps.UNLOADED,),
    "barn-4": (steps.WRITTEN, steps.LOADED, steps.CONFIRMED),
}
"""The steps at which the lives of each device end, one after another; all of them together."""
NO_ROOM = 1 << 29
"""MiB that must stay free: old and new engine never fit side by side, which adds the step ``room``."""


def first_stops(world: World, lives: dict[str, tuple[str, ...]]) -> None:
    """Where the first life of each device ends."""
    for name, device in world.devices.items():
        device.stop_at = lives[name][0]


def dies_at_every_step(world: World, lives: dict[str, tuple[str, ...]], end: Callable[[Device], None]) -> None:
    """Roll the new release out over devices whose lives end, each at its next step, and that start anew."""
    left = {name: list(at) for name, at in lives.items()}
    world.begin(rules=TOGETHER)

    def end_lives(progress: Progress) -> bool:
        for name, device in world.devices.items():
            if device.at is None:
                continue
            assert device.at == left[name].pop(0)
            switched = steps.STEPS.index(device.at) >= steps.STEPS.index(steps.POINTED)
            end(device)
            device.stop_at = next(iter(left[name]), None)
            device.start()
            wait_for([device])
            assert device.reads[0][0] == (NEW if switched else OLD)
            works(device)
            runs_signed_bytes(world, device)
        return progress.settled

    world.until(end_lives)
    assert not any(left.values()), f"never reached: {left}"
    went_on(world, NEW)
    all_hold(world)


@needs_triton
def test_sigkill_at_every_step(fleet: Fleet) -> None:
    def prepare(world: World) -> None:
        world.canary.configure(spare_memory_mib=NO_ROOM)
        world.devices["barn-4"].configure(serve="triton")
        first_stops(world, LIVES)

    with fleet(4, prepare) as world:
        assert sorted(sum(LIVES.values(), ())) == sorted(steps.STEPS)
        dies_at_every_step(world, LIVES, Device.kill)


@needs_mounts
def test_power_lost_at_every_step(fleet: Fleet) -> None:
    """What the kernel had not written to disk is gone with the process."""
    lives = LIVES | {"barn-4": (steps.CONFIRMED,)}
    with ExitStack() as disks:
        disk: dict[str, ExitStack] = {}

        def prepare(world: World) -> None:
            world.canary.configure(spare_memory_mib=NO_ROOM)
            first_stops(world, lives)
            for name, device in world.devices.items():
                image = make_image(device.root.with_suffix(".img"), 32)
                before = device.root.rename(device.root.with_suffix(".before"))
                disk[name] = disks.enter_context(ExitStack())
                disk[name].enter_context(mounted(image, device.root))
                shutil.copytree(before, device.root, dirs_exist_ok=True)
                subprocess.run(["sync", "--file-system", device.root], check=True)

        def cut(device: Device) -> None:
            image = device.root.with_suffix(".img")
            copied(image, image.with_suffix(".cut"))
            device.kill()
            disk[device.device_id].close()
            disk[device.device_id].enter_context(mounted(image.with_suffix(".cut").replace(image), device.root))

        with fleet(4, prepare) as world:
            dies_at_every_step(world, lives, cut)


@needs_triton
def test_triton_crashes_after_the_switch(fleet: Fleet) -> None:
    def prepare(world: World) -> None:
        world.canary.configure(serve="triton")
        world.canary.stop_at = steps.POINTED

    with fleet(2, prepare) as world:
        canary = world.canary
        world.begin()
        world.until(lambda _: canary.at == steps.POINTED)
        kill_triton(canary)
        canary.go_on()
        world.until(lambda progress: progress.state.members[canary.device_id].phase is MemberPhase.PROVED)
        kill_triton(canary)
        world.to_its_end()
        went_on(world, NEW)
        assert wait_until(lambda: canary.report.serving and server_of(canary) is not None, PATIENCE_S)
        all_hold(world)


def kill_triton(device: Device) -> None:
    """SIGKILL to the server and all that it started, but not to its keeper."""
    server = server_of(device)
    assert server is not None
    session = os.getsid(server)
    for pid in session_members(session, spare=[session]):
        os.kill(pid, signal.SIGKILL)


def server_of(device: Device) -> int | None:
    """The process of a device's Triton server."""
    models = f"--model-repository={device.root}/triton/models"
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            program, *arguments = path.read_text().split("\0")
            if program.endswith("tritonserver") and models in arguments:
                return int(path.parent.name)
    return None


# -- a server that is not to be believed ------------------------------------------------------------------------------


def attacked(world: World, attack: Attack, beside: Path) -> None:
    """Begin a rollout whose first assignment devices see only as the attacked server has it, until one refuses it."""
    shutil.copytree(world.repository, world.settings.home / "earlier")
    publish(world.settings, beside, "compact-3", shade=5.0)
    newer = read_state(world.settings).timestamp.signed.version

    def have_seen_it() -> bool:
        return all(read_seen(device.root / TRUST).timestamp >= newer for device in world.devices.values())

    world.nudge()
    assert wait_until(have_seen_it, PATIENCE_S)
    world.attack(lambda repository: attack.tamper(world, repository))
    world.begin()
    world.until(lambda _: world.canary.report.failure is not None)
    failure = world.canary.report.failure
    assert failure is not None
    assert (failure.exit_code, failure.final) == (attack.refusal.exit_code, False)


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_a_server_that_is_not_to_be_believed_stops_the_rollout_at_its_deadline(
    attack: Attack, fleet: Fleet, tmp_path: Path
) -> None:
    with fleet(2) as world:
        attacked(world, attack, tmp_path)
        world.ahead = timedelta(hours=11)
        world.until(lambda progress: progress.state.phase is RolloutPhase.STOPPED)
        stopped(world, 0, "fetching: .*it did not prove the release within 10 h")
        all_hold(world)
        world.mend_server()
        world.to_its_end()
        assert phases(world) == {"barn-1": "left", "barn-2": "pending"}


def test_a_corrupted_download_that_is_mended_goes_on(fleet: Fleet, tmp_path: Path) -> None:
    with fleet(2) as world:
        show_clips(world.canary)
        attacked(world, ATTACKS["corrupted download"], tmp_path)
        all_hold(world)
        world.mend_server()
        world.to_its_end()
        went_on(world, NEW)
        all_hold(world)


def test_a_server_that_cuts_every_answer_short_is_asked_for_the_rest(fleet: Fleet, release_server: Server) -> None:
    def prepare(world: World) -> None:
        release_server.point_at(world.repository)
        release_server.fault({"student.onnx": {"cut_after": 700}})
        for device in world.devices.values():
            device.configure(updates={"url": release_server.url, "reserve_mib": 0})

    with fleet(2, prepare) as world:
        world.begin()
        world.to_its_end()
        went_on(world, NEW)
        begun = [at for path, at in release_server.asked() if path.endswith("student.onnx")]
        assert len(begun) > 2 * len(world.devices)
        all_hold(world)


# -- devices that cannot, and a release that is not what it should be -------------------------------------------------


@needs_mounts
def test_a_full_disk(fleet: Fleet) -> None:
    with ExitStack() as disks:

        def prepare(world: World) -> None:
            root = world.canary.root
            before = root.rename(root.with_suffix(".before"))
            disks.enter_context(small_disk(root, 8))
            shutil.copytree(before, root, dirs_exist_ok=True)

        with fleet(2, prepare) as world:
            world.begin()
            ballast = fill(world.canary.root, but=64 << 10)
            world.until(lambda _: world.canary.report.failure is not None)
            failure = world.canary.report.failure
            assert failure is not None
            assert (failure.exit_code, failure.final) == (DiskFullError.exit_code, False)
            world.ahead = timedelta(hours=11)
            world.until(lambda progress: progress.state.phase is RolloutPhase.STOPPED)
            stopped(world, 0, "the release needs [0-9]+ bytes more")
            all_hold(world)
            ballast.unlink()
            world.nudge()
            world.to_its_end()
            assert phases(world) == {"barn-1": "left", "barn-2": "pending"}


def test_an_engine_that_cannot_be_built(fleet: Fleet, tmp_path: Path) -> None:
    """Machines that say they are Jetsons, with a stand-in for trtexec that fails."""
    trtexec = tmp_path / "trtexec"
    trtexec.write_text(TRTEXEC)
    trtexec.chmod(0o755)
    for name, said in JETSON.items():
        (tmp_path / "jetson" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "jetson" / name).write_text(said)

    def prepare(world: World) -> None:
        for device in world.devices.values():
            device.configure(sku=None)
            device.machine, device.variables = tmp_path / "jetson", {TRTEXEC_VARIABLE: str(trtexec)}

    with fleet(2, prepare) as world:
        world.begin()
        world.to_its_end()
        stopped(world, 0, "building: trtexec ended with code 1 on 'student': .* no tactic fits")
        assert phases(world) == {"barn-1": "left", "barn-2": "pending"}
        all_hold(world)


@pytest.mark.parametrize(
    ("release_id", "why"),
    [("no-parity", "parity of 'student' .* allowed"), ("too-slow", "latency: .* the budget is 1e-06")],
)
def test_a_release_that_does_not_prove_itself(release_id: str, why: str, fleet: Fleet) -> None:
    with fleet(2) as world:
        world.begin(release_id)
        world.to_its_end()
        stopped(world, 0, why)
        assert phases(world) == {"barn-1": "left", "barn-2": "pending"}
        all_hold(world)


def test_a_device_that_goes_silent(fleet: Fleet) -> None:
    with fleet(3) as world:
        world.timeout_s = 3.0
        world.begin()
        silent = world.devices["barn-2"]

        def goes_silent() -> None:
            """Before its assignment is signed: it cannot have seen it."""
            if phases(world)["barn-2"] == "told":
                silent.suspend()
            else:
                world.after["decided"] = goes_silent

        world.after["decided"] = goes_silent
        world.until(lambda progress: progress.state.members["barn-2"].signed is not None)
        world.ahead = timedelta(hours=25)
        world.until(lambda progress: progress.state.phase is RolloutPhase.STOPPED)
        stopped(world, 1, "it did not prove the release within 24 h")
        world.until(lambda _: phases(world)["barn-1"] == "left")
        silent.suspend(signal.SIGCONT)
        world.to_its_end()
        assert phases(world) == {"barn-1": "left", "barn-2": "left", "barn-3": "pending"}
        all_hold(world)


def test_a_model_that_calls_every_pig_lying(fleet: Fleet) -> None:
    with fleet(2) as world:
        show_clips(world.canary)
        world.begin("all-lying", ONE_BY_ONE | {"drift": {"required": "canaries"}})
        world.to_its_end()
        stopped(world, 0, "on the same clips the release sees otherwise: lying: 0 → 1")
        figures = world.found()["waves"][0]["evidence"]["drift"]["figures"]
        assert "lying" in {figure["name"] for figure in figures if figure["outside"]}
        assert phases(world) == {"barn-1": "left", "barn-2": "pending"}
        all_hold(world)


def show_clips(device: Device, count: int = 6) -> None:
    """Footage of its own, on which a device compares releases."""
    for number in range(count):
        began = CLIP_BEGAN + timedelta(minutes=number)
        shutil.copy(device.clip, device.root / "footage" / f"cam-1_{began:%Y%m%dT%H%M%SZ}.mp4")


def phases(world: World) -> dict[str, str]:
    """Where each device stands in the rollout."""
    return {device["device"]: device["phase"] for device in world.found()["devices"]}
