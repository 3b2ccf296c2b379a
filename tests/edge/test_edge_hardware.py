"""What machine a device is, from texts in the formats of NVIDIA's files and of Linux."""

from __future__ import annotations

from pathlib import Path

import pytest

from herdbook.edge.hardware import (
    board_of,
    cuda_of,
    debian_version,
    jetpack_of,
    nominal_gib,
    read_hardware,
    tensorrt_of_header,
    total_mib,
)

HEADER = """
#ifndef NV_INFER_VERSION_H
#define NV_INFER_VERSION_H

#define NV_TENSORRT_MAJOR 10 //!< TensorRT major version.
#define NV_TENSORRT_MINOR 3 //!< TensorRT minor version.
#define NV_TENSORRT_PATCH 0 //!< TensorRT patch version.
#define NV_TENSORRT_BUILD 30 //!< TensorRT build number.
"""
NEWER_HEADER = """
#define TRT_MAJOR_ENTERPRISE 10
#define TRT_MINOR_ENTERPRISE 13
#define TRT_PATCH_ENTERPRISE 3
#define TRT_BUILD_ENTERPRISE 9
#define NV_TENSORRT_MAJOR TRT_MAJOR_ENTERPRISE //!< TensorRT major version.
#define NV_TENSORRT_MINOR TRT_MINOR_ENTERPRISE //!< TensorRT minor version.
#define NV_TENSORRT_PATCH TRT_PATCH_ENTERPRISE //!< TensorRT patch version.
#define NV_TENSORRT_BUILD TRT_BUILD_ENTERPRISE //!< TensorRT build number.
"""
RELEASE = (
    "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64, "
    "DATE: Wed Jan  8 01:49:37 UTC 2025\n# KERNEL_VARIANT: oot\nTARGET_USERSPACE_LIB_DIR=nvidia\n"
)
CUDA = '{\n   "cuda" : {\n      "name" : "CUDA SDK",\n      "version" : "12.6.11"\n   },\n   "cuda_cudart" : {}\n}\n'
MEMINFO = "MemTotal:       15989664 kB\nMemFree:        10225204 kB\n"


@pytest.mark.parametrize(
    ("model", "board"),
    [
        ("NVIDIA Jetson Orin NX Engineering Reference Developer Kit", "orin-nx"),
        ("NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super", "orin-nano"),
        ("NVIDIA Orin Nano Developer Kit", "orin-nano"),
        ("NVIDIA Jetson AGX Orin Developer Kit", "orin-agx"),
        ("NVIDIA Jetson Xavier NX Developer Kit", "xavier-nx"),
        ("Raspberry Pi 5 Model B Rev 1.0", None),
        ("", None),
    ],
)
def test_boards(model: str, board: str | None) -> None:
    assert board_of(model) == board


@pytest.mark.parametrize(
    ("text", "version"),
    [
        (RELEASE, "6.2"),
        ("# R35 (release), REVISION: 4.1, GCID: 33958178, BOARD: t186ref", "5.1.2"),
        ("# R39 (release), REVISION: 0.1, GCID: 1", "39.0.1"),
        ("", None),
    ],
)
def test_jetpack_of_jetson_linux(text: str, version: str | None) -> None:
    assert jetpack_of(text) == version


def test_tensorrt() -> None:
    assert tensorrt_of_header(HEADER) == "10.3.0.30"
    assert tensorrt_of_header(NEWER_HEADER) == "10.13.3.9"
    assert tensorrt_of_header("") is None
    assert tensorrt_of_header("#define NV_TENSORRT_MAJOR 10") is None


@pytest.mark.parametrize(
    ("text", "version"),
    [(CUDA, "12.6.11"), ("", None), ("[]", None), ('{"cuda": 12}', None), ('{"cuda": {"version": 12}}', None)],
)
def test_cuda(text: str, version: str | None) -> None:
    assert cuda_of(text) == version


@pytest.mark.parametrize(
    ("package", "version"),
    [
        ("10.3.0.30-1+cuda12.5", "10.3.0.30"),
        ("6.2+b77", "6.2"),
        ("6.2.1+b38", "6.2.1"),
        ("1:8.5.2-1+cuda11.4", "8.5.2"),
        (None, None),
        ("<none>", None),
    ],
)
def test_versions_of_packages(package: str | None, version: str | None) -> None:
    assert debian_version(package) == version


@pytest.mark.parametrize(("mib", "gib"), [(7451, 8), (7620, 8), (15614, 16), (30697, 32), (62800, 64), (3956, 4)])
def test_memory_is_what_is_printed_on_the_module(mib: int, gib: int) -> None:
    assert nominal_gib(mib) == gib


def test_a_jetson(tmp_path: Path) -> None:
    texts = {
        "proc/device-tree/model": "NVIDIA Jetson Orin NX Engineering Reference Developer Kit\0",
        "proc/device-tree/serial-number": "1421924012345\0",
        "proc/meminfo": MEMINFO,
        "etc/nv_tegra_release": RELEASE,
        "usr/include/aarch64-linux-gnu/NvInferVersion.h": HEADER,
        "usr/local/cuda/version.json": CUDA,
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = read_hardware(tmp_path, {"nvidia-jetpack": "6.2.1+b38"}.get)
    assert found.engine_key == "orin-nx-16_16384_6.2.1_10.3.0.30_12.6.11"
    assert found.serial == "1421924012345"
    assert read_hardware(tmp_path, lambda package: None).jetpack == "6.2"


def test_a_jetson_without_headers_asks_dpkg(tmp_path: Path) -> None:
    (tmp_path / "proc" / "device-tree").mkdir(parents=True)
    (tmp_path / "proc" / "device-tree" / "model").write_text("NVIDIA Jetson Orin Nano Developer Kit\0")
    (tmp_path / "proc" / "meminfo").write_text("MemTotal: 7802000 kB\n")
    found = read_hardware(tmp_path, {"libnvinfer10": "10.3.0.30-1+cuda12.5"}.get)
    assert (found.sku, found.tensorrt, found.cuda, found.jetpack) == ("orin-nano-8", "10.3.0.30", None, None)
    assert found.has_tensorrt


def test_this_machine_is_one() -> None:
    found = read_hardware()
    assert found.memory_mib > 100
    assert total_mib("nonsense") == 1
    assert found.sku == "cpu"
    assert not found.has_tensorrt
