"""From a signed repository to a folder on a device: what is fetched, resumed, kept and forgotten."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from herdbook.edge.install import provision
from herdbook.errors import ConfigurationError, DiskFullError, NotFoundError, RepositoryUnreachableError
from support.trust import Platform

STUDENT = "student.fp32.onnx"


def fetched(platform: Platform) -> list[tuple[str, int]]:
    """Which files of a release were asked for, and from which byte on."""
    return [(path.rpartition("/")[2].partition(".")[2], at) for path, at in platform.server.asked() if "/rel" in path]


def test_a_device_installs_what_it_is_assigned(platform: Platform, tmp_path: Path) -> None:
    installer = platform.device(tmp_path / "device")
    assignment = installer.look()
    folder = installer.fetch(assignment)
    made = platform.made / "compact-1"
    assert folder.parent == tmp_path / "device" / "releases"
    assert folder.name == f"compact-1-{assignment.digest_of('release.json')[:12]}"
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {p.name: p.read_bytes() for p in made.iterdir()}


def test_no_assignment_yet_is_no_error(platform: Platform, tmp_path: Path) -> None:
    assert platform.device(tmp_path / "device", "barn-9").look() is None


def test_looking_again_asks_only_whether_anything_is_new(platform: Platform, tmp_path: Path) -> None:
    installer = platform.device(tmp_path / "device")
    installer.look()
    before = len(platform.server.asked())
    installer.look()
    assert [path for path, _ in platform.server.asked()[before:]] == [
        "/metadata/2.root.json",
        "/metadata/timestamp.json",
    ]


def test_fetching_again_asks_for_no_file(platform: Platform, tmp_path: Path) -> None:
    installer = platform.device(tmp_path / "device")
    folder = installer.fetch(installer.look())
    before = fetched(platform)
    assert installer.fetch(installer.look()) == folder
    assert fetched(platform) == before


def test_engines_that_are_signed_later_come_into_the_same_folder(platform: Platform, tmp_path: Path) -> None:
    from herdbook.fleet.trust import plans_for, publish_plans

    installer = platform.device(tmp_path / "device")
    folder = installer.fetch(installer.look())
    plan = tmp_path / "student.plan"
    plan.write_bytes(b"an engine")
    publish_plans(platform.settings, "compact-1", "orin-nx-16_16384_6.2_10.3.0_12.6", [plan])
    plans = plans_for(platform.settings, "compact-1", "orin-nx-16_16384_6.2_10.3.0_12.6")
    before = fetched(platform)
    assignment = platform.assignment()
    platform.assign(assignment.model_copy(update={"files": assignment.files + plans}))
    assert installer.fetch(installer.look()) == folder
    assert (folder / "student.plan").read_bytes() == b"an engine"
    assert [name for name, _ in fetched(platform)[len(before) :]] == ["releases.json", "student.plan"][1:]


def test_the_animals_pools_travel_with_the_assignment(platform: Platform, tmp_path: Path) -> None:
    from herdbook.fleet.trust import assign, pool_file

    pool = tmp_path / "pools.npz"
    pool.write_bytes(b"looks of pigs")
    assignment = platform.assignment()
    assignment = assignment.model_copy(update={"files": (*assignment.files, pool_file("barn-1", pool))})
    assign(platform.settings, [assignment], {"barn-1": [pool]})
    installer = platform.device(tmp_path / "device")
    assert (installer.fetch(installer.look()) / "pools.npz").read_bytes() == b"looks of pigs"


def test_a_cut_connection_goes_on_where_it_stopped(platform: Platform, tmp_path: Path) -> None:
    platform.server.fault({STUDENT: {"cut_after": 40}})
    installer = platform.device(tmp_path / "device")
    installer.fetch(installer.look())
    assert [at for name, at in fetched(platform) if name == STUDENT] == [0, 40, 80]


@pytest.mark.parametrize("fault", ["ignore_range", "wrong_range"])
def test_a_server_that_cannot_go_on(platform: Platform, tmp_path: Path, fault: str) -> None:
    installer = platform.device(tmp_path / "device")
    platform.server.fault({STUDENT: {"cut_after": 40, fault: 1}})
    with pytest.raises(RepositoryUnreachableError):
        installer.fetch(installer.look())
    platform.server.fault({})
    assert (installer.fetch(installer.look()) / STUDENT).is_file()


def test_killed_in_the_middle_it_goes_on_with_fewer_bytes(platform: Platform, tmp_path: Path) -> None:
    size, arrived = 3_000_000, 2_000_000
    platform.publish("compact-2", sizes=size)
    platform.assign(platform.assignment("compact-2"))
    platform.server.fault({STUDENT: {"stall_after": arrived}})
    root = tmp_path / "device"
    installer = platform.device(root)
    program = (
        "import sys; from pathlib import Path; from herdbook.edge.install import Installer;"
        "i = Installer(Path(sys.argv[1]), 'barn-1', sys.argv[2], reserve_bytes=0); i.fetch(i.look())"
    )
    with subprocess.Popen([sys.executable, "-c", program, root, platform.url]) as process:
        part = root / "trust" / "parts" / platform.target(f"releases/compact-2/{STUDENT}").name.partition(".")[0]
        until = time.monotonic() + 240
        # Python's buffer may still hold the last bytes of what arrived.
        while not (part.exists() and part.stat().st_size > arrived - 100_000) and time.monotonic() < until:
            time.sleep(0.02)
        process.kill()
    assert list((root / "releases").glob("compact-2*")) == [], "a release appears whole, or not at all"
    platform.server.fault({})
    held, before = part.stat().st_size, fetched(platform)
    folder = installer.fetch(installer.look())
    assert (folder / STUDENT).read_bytes() == (platform.made / "compact-2" / STUDENT).read_bytes()
    after = fetched(platform)[len(before) :]
    assert (STUDENT, held) in after
    assert arrived - 100_000 < held <= arrived
    done_before = {name for name, _ in before} - {STUDENT}
    assert not done_before & {name for name, _ in after}, "what was complete is not asked for again"


def test_a_disk_without_room_is_refused_before_anything_is_asked_for(platform: Platform, tmp_path: Path) -> None:
    installer = platform.device(tmp_path / "device", reserve_bytes=1 << 60)
    with pytest.raises(DiskFullError, match="bytes more and 1152921504606846976 are kept free"):
        installer.fetch(installer.look())
    assert STUDENT not in {name for name, _ in fetched(platform)}


def test_forgetting_keeps_what_it_is_told_to(platform: Platform, tmp_path: Path) -> None:
    installer = platform.device(tmp_path / "device")
    first = installer.fetch(installer.look())
    (tmp_path / "device" / "releases" / "active.json").write_text("{}")
    (tmp_path / "device" / "releases" / "by-hand").mkdir()
    platform.publish("compact-2")
    platform.assign(platform.assignment("compact-2"))
    second = installer.fetch(installer.look())
    installer.forget({second})
    assert not first.exists()
    assert {p.name for p in second.parent.iterdir()} == {second.name, "active.json", "by-hand"}


def test_a_device_without_a_root_of_trust_believes_nobody(platform: Platform, tmp_path: Path) -> None:
    from herdbook.edge.install import Installer

    with pytest.raises(NotFoundError, match="root of trust") as caught:
        Installer(tmp_path, "barn-1", platform.url).look()
    assert "edge trust" in caught.value.remedy


def test_the_root_of_trust_is_replaced_by_its_own_successors_only(
    platform: Platform, tmp_path: Path, signed_template: Path
) -> None:
    from herdbook.fleet.trust import ceremony
    from herdbook.settings import Settings

    first = platform.root_document()
    ceremony.rotate(platform.settings, "timestamp", platform.offline)
    second = platform.root_document()
    device = tmp_path / "device"
    assert provision(device, first) == provision(device, first) == 1
    assert provision(device, second) == 2
    with pytest.raises(ConfigurationError, match="not followed"):
        provision(device, first)
    stranger = Platform(Settings(home=tmp_path / "other"), platform.stick, platform.server)
    ceremony.init(stranger.settings, stranger.offline)
    with pytest.raises(ConfigurationError, match="not followed"):
        provision(device, stranger.root_document())
    assert provision(device, stranger.root_document(), replace=True) == 1


def test_what_the_chain_has_taught_outlives_the_file_that_began_it(platform: Platform, tmp_path: Path) -> None:
    from herdbook.fleet.trust import ceremony

    first = platform.root_document()
    installer = platform.device(tmp_path / "device")
    ceremony.rotate(platform.settings, "root", platform.offline)
    installer.look()
    with pytest.raises(ConfigurationError, match="not followed"):
        provision(tmp_path / "device", first)
