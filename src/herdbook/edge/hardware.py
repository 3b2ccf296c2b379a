"""What machine a device is, read from the device itself.

Jetson: ``/proc/device-tree/model``, ``/etc/nv_tegra_release`` and dpkg's JetPack version, TensorRT's own header or
dpkg, CUDA's ``version.json`` (NVIDIA's Jetson Linux Developer Guide describes the first two). Anything else is ``cpu``:
there is nothing to build engines for. The parsers are tested on texts in these formats; no Jetson has run them.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from herdbook.contracts.hardware import Hardware

CPU = "cpu"
_SIZES_GIB = (2, 4, 8, 16, 32, 64, 128, 256)
_BOARDS = (("agx orin", "orin-agx"), ("orin nx", "orin-nx"), ("orin nano", "orin-nano"), ("thor", "thor"))
_JETPACK_OF_L4T = {
    "35.1.0": "5.0.2",
    "35.2.1": "5.1",
    "35.3.1": "5.1.1",
    "35.4.1": "5.1.2",
    "35.5.0": "5.1.3",
    "35.6.0": "5.1.4",
    "36.2.0": "6.0",
    "36.3.0": "6.0",
    "36.4.0": "6.1",
    "36.4.3": "6.2",
    "36.4.4": "6.2.1",
}
"""NVIDIA's JetPack archive. Newer ones say it to dpkg."""
_HEADERS = ("usr/include/aarch64-linux-gnu/NvInferVersion.h", "usr/include/NvInferVersion.h")

Packages = Callable[[str], str | None]
"""The version of an installed Debian package, none where it is not."""


def read_hardware(filesystem: Path = Path("/"), packages: Packages | None = None) -> Hardware:
    """The machine this runs on. What cannot be read is left out.

    Args:
        filesystem: where the files lie.
        packages: asks dpkg if not given.
    """
    version_of = packages or installed_version

    def text(path: str) -> str:
        try:
            return (filesystem / path).read_text(encoding="utf-8", errors="replace").strip("\0 \n")
        except OSError:
            return ""

    total = total_mib(text("proc/meminfo"))
    board = board_of(text("proc/device-tree/model"))
    serial = text("proc/device-tree/serial-number")[:127]
    if board is None:
        return Hardware(sku=CPU, memory_mib=total, serial=serial)
    gib = nominal_gib(total)
    headers = (tensorrt_of_header(text(path)) for path in _HEADERS)
    packaged = (debian_version(version_of(name)) for name in ("libnvinfer10", "libnvinfer8", "tensorrt"))
    return Hardware(
        sku=f"{board}-{gib}",
        memory_mib=gib * 1024,
        serial=serial,
        jetpack=debian_version(version_of("nvidia-jetpack")) or jetpack_of(text("etc/nv_tegra_release")),
        tensorrt=next(filter(None, (*headers, *packaged)), None),
        cuda=cuda_of(text("usr/local/cuda/version.json")),
    )


def board_of(model: str) -> str | None:
    """``NVIDIA Jetson Orin NX Engineering Reference Developer Kit`` is an ``orin-nx``; none where it is no Jetson."""
    name = model.lower()
    if "nvidia" not in name and "jetson" not in name:
        return None
    found = next((board for words, board in _BOARDS if words in name), None)
    if found is not None:
        return found
    other = re.sub(r"[^a-z0-9]+", "-", re.sub(r"nvidia|jetson|developer kit|engineering reference", "", name))
    return other.strip("-")[:40] or None


def total_mib(meminfo: str) -> int:
    """MiB that the kernel has, of ``/proc/meminfo``; 1 where it does not say."""
    found = re.search(r"^MemTotal:\s+(\d+) kB", meminfo, re.MULTILINE)
    return max(1, int(found[1]) // 1024) if found else 1


def nominal_gib(mib: int) -> int:
    """What is printed on the module: the kernel has a little less, and not always the same.

    Devices of one kind must agree on it, or they could not share an engine.
    """
    return next((size for size in _SIZES_GIB if mib <= size * 1024), _SIZES_GIB[-1])


def jetpack_of(tegra_release: str) -> str | None:
    """``# R36 (release), REVISION: 4.3, GCID: …``: the JetPack with that Jetson Linux, or Jetson Linux's own number."""
    found = re.search(r"# R(\d+) \(release\), REVISION: (\d+)\.(\d+)", tegra_release)
    if found is None:
        return None
    linux = ".".join(found.groups())
    # Its numbers begin at 35, JetPack's below 10: neither is taken for the other.
    return _JETPACK_OF_L4T.get(linux, linux)


def tensorrt_of_header(header: str) -> str | None:
    """``NvInferVersion.h``; newer ones name the numbers by a macro of their own."""
    defined = dict(re.findall(r"^#define\s+(\w+)\s+(\w+)", header, re.MULTILINE))

    def number(part: str) -> str:
        value: str = defined.get(f"NV_TENSORRT_{part}", "")
        return value if value.isdigit() else str(defined.get(value, ""))

    parts = [number(part) for part in ("MAJOR", "MINOR", "PATCH", "BUILD")]
    known = [part for part in parts if part.isdigit()]
    return ".".join(known) if len(known) >= 3 else None


def cuda_of(version_json: str) -> str | None:
    """``version.json`` of CUDA 11 and newer."""
    try:
        version = json.loads(version_json)["cuda"]["version"]
    except (ValueError, KeyError, TypeError):
        return None
    return debian_version(version) if isinstance(version, str) else None


def debian_version(version: str | None) -> str | None:
    """The upstream numbers of a package's version: ``10.3.0.30-1+cuda12.5`` is 10.3.0.30, ``6.2+b77`` is 6.2."""
    found = re.match(r"(?:\d+:)?(\d+(?:\.\d+){0,3})", version or "")
    return found[1] if found else None


def installed_version(package: str) -> str | None:
    """Ask dpkg."""
    query = shutil.which("dpkg-query")
    if query is None:
        return None
    command = [query, "--show", "--showformat=${db:Status-Status} ${Version}", package]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    status, _, version = said.stdout.partition(" ")
    return version.strip() if status == "installed" else None
