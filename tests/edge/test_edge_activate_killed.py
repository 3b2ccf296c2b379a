"""SIGKILL at every step of taking up a release, with a real Triton server: the device comes up and works."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest
from activate_cases import make_place, needs_triton
from activate_worker import come_up_now, take_up_now

from herdbook.contracts.digest import sha256_of
from herdbook.edge.activate import steps
from support.made_release import make_release
from support.plain_release import write_plain_release

pytestmark = [needs_triton, pytest.mark.slow, pytest.mark.timeout(900)]
TRITON = {"serve": "triton"}
NO_ROOM = {"serve": "triton", "spare_memory_mib": 1 << 29}
"""So much must stay free that two engines never fit side by side."""
AFTER_THE_SWITCH = {steps.POINTED, steps.CHANGED, steps.UNLOADED, steps.CONFIRMED}


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A device that runs compact-1, and has fetched compact-2."""
    root = tmp_path_factory.mktemp("device") / "root"
    releases = make_place(root).releases
    for name, shade in (("compact-1", 0.0), ("compact-2", 1.0)):
        source = write_plain_release(tmp_path_factory.mktemp(name) / "release", shade=shade)
        folder = make_release(releases, source, name)
        if name == "compact-1":
            assert take_up_now(root, folder, 1, **TRITON)[1] == 0
    return root


def works(root: Path, release_id: str, **told: object) -> None:
    """The device came up with this release, with its own bytes and right answers, through Triton."""
    said = come_up_now(root, **told)
    assert said is not None
    assert said["release"] == release_id
    (folder,) = root.glob(f"releases/{release_id}-*")
    for role in ("student", "behaviour"):
        own = sha256_of(folder / f"{role}.onnx")
        assert said["bytes"][role] == own
        assert said["served"][f"{role}.{release_id}"] == own
        assert said["errors"][role] < 0.01


def killed_at(device: Path, root: Path, step: str, **told: object) -> None:
    shutil.copytree(device, root, symlinks=True)
    (folder,) = root.glob("releases/compact-2-*")
    told_steps, code = take_up_now(root, folder, 2, step, **told)
    assert (told_steps[-1], code) == (step, -signal.SIGKILL)
    works(root, "compact-2" if step in AFTER_THE_SWITCH else "compact-1", **told)


@pytest.mark.parametrize("step", [step for step in steps.STEPS if step != steps.ROOM])
def test_killed_at(step: str, device: Path, tmp_path: Path) -> None:
    killed_at(device, tmp_path / "root", step, **TRITON)


@pytest.mark.parametrize("step", [steps.ROOM, steps.PROBED, steps.POINTED])
def test_killed_where_old_and_new_do_not_fit_together(step: str, device: Path, tmp_path: Path) -> None:
    killed_at(device, tmp_path / "root", step, **NO_ROOM)


def test_afterwards_the_release_is_taken_up_under_a_number_of_its_own(device: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    killed_at(device, root, steps.LOADED, **TRITON)
    (folder,) = root.glob("releases/compact-2-*")
    assert take_up_now(root, folder, 2, **TRITON)[1] == 0
    versions = [int(path.name) for path in root.glob("triton/models/student.*/[0-9]*")]
    assert sorted(versions) == [1, 3], "2 was the killed one's; compact-1 stays on disk"
    works(root, "compact-2", **TRITON)
