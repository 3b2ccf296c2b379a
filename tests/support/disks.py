"""Disks of a test's own: small ones, and ones that lose with the power whatever was not flushed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

needs_mounts = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("mkfs.ext4") is None or not Path("/dev/loop-control").exists(),
    reason="needs root, loop devices and mkfs.ext4",
)
_HARDLY_EVER = "loop,commit=900"
"""An image that the kernel hardly ever writes by itself."""


def make_image(image: Path, mib: int) -> Path:
    """An empty ext4 file system in a file."""
    with image.open("wb") as stream:
        stream.truncate(mib << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
    return image


def copied(image: Path, copy: Path) -> None:
    """What the disk holds at this moment: all that the kernel still keeps in memory is not in the copy of a mounted
    image, as it would not be after a power cut."""
    subprocess.run(["cp", "--sparse=always", image, copy], check=True)


@contextmanager
def mounted(image: Path, folder: Path) -> Iterator[Path]:
    """An image's file system, mounted for the block."""
    with _mount(["-o", _HARDLY_EVER, image], folder):
        yield folder


@contextmanager
def small_disk(folder: Path, mib: int) -> Iterator[Path]:
    """A file system in memory that is soon full, mounted for the block."""
    with _mount(["-t", "tmpfs", "-o", f"size={mib}m", "tmpfs"], folder):
        yield folder


def fill(folder: Path, but: int) -> Path:
    """A file that leaves so many bytes of a disk."""
    ballast = folder / "ballast"
    with ballast.open("wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, shutil.disk_usage(folder).free - but)
    return ballast


@contextmanager
def _mount(what: list[str | Path], folder: Path) -> Iterator[None]:
    folder.mkdir(exist_ok=True)
    done = subprocess.run(["mount", *what, folder], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount here: {done.stderr.strip()}")
    try:
        yield
    finally:
        # Lazily: what a killed process had started may still be ending in it.
        subprocess.run(["umount", "--lazy", folder], check=True)
