"""Power cuts: a file system as its disk holds it at every step, without anything that was not flushed.

The device lives on a loop-mounted ext4 image that hardly ever writes by itself. At each step the image is copied while
it is mounted: what the kernel still keeps in memory is lost in the copy, as it would be with the power.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from activate_cases import make_place

from herdbook.contracts.digest import sha256_of
from herdbook.contracts.durable import fsync_path
from herdbook.edge.activate import activate, recover, steps
from support.disks import copied, make_image, mounted, needs_mounts
from support.made_release import make_assignment, make_release
from support.plain_release import write_plain_release

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), needs_mounts]


def flush(folder: Path) -> None:
    """As the installer leaves a release: every file and folder on disk."""
    for path in (*folder.rglob("*"), folder, folder.parent):
        fsync_path(path)


def test_whatever_was_not_flushed_is_lost_and_the_device_works(tmp_path: Path) -> None:
    image = make_image(tmp_path / "disk.img", 48)
    with mounted(image, tmp_path / "disk") as disk:
        place = make_place(disk / "root")
        folders = []
        for name, shade in (("compact-1", 0.0), ("compact-2", 1.0)):
            source = write_plain_release(tmp_path / name, shade=shade)
            folders.append(make_release(place.releases, source, name))
            flush(folders[-1])
        activate(place, folders[0], make_assignment(folders[0], 1))

        def cut(step: str) -> None:
            copied(image, tmp_path / f"{step}.img")

        activate(place, folders[1], make_assignment(folders[1], 2), told=cut)
    cuts = [step for step in steps.STEPS if (tmp_path / f"{step}.img").is_file()]
    assert cuts[0] == steps.OPENED
    assert cuts[-1] == steps.CONFIRMED
    for step in cuts:
        with mounted(tmp_path / f"{step}.img", tmp_path / step) as disk:
            place = make_place(disk / "root")
            now = recover(place).now
            assert now is not None, step
            switched = cuts.index(step) >= cuts.index(steps.POINTED)
            assert now.use.release_id == ("compact-2" if switched else "compact-1"), step
            for engine in now.engines:
                assert sha256_of(place.releases / engine.place) == engine.sha256
        (tmp_path / f"{step}.img").unlink()


def test_the_copy_of_a_mounted_image_really_loses_what_was_not_flushed(tmp_path: Path) -> None:
    image = make_image(tmp_path / "disk.img", 16)
    with mounted(image, tmp_path / "disk") as disk:
        (disk / "flushed").write_bytes(b"kept")
        fsync_path(disk / "flushed")
        fsync_path(disk)
        (disk / "hasty").write_bytes(b"lost")
        copied(image, tmp_path / "cut.img")
    with mounted(tmp_path / "cut.img", tmp_path / "after") as disk:
        assert (disk / "flushed").read_bytes() == b"kept"
        assert not (disk / "hasty").exists()
