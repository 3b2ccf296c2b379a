"""What the tests of taking up a release agree on."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from herdbook.contracts.digest import sha256_of
from herdbook.contracts.release import Precision, Release
from herdbook.edge.activate import Active, Installed, Place, place_of, read_active
from herdbook.edge.activate.state import EngineFile, write_active
from herdbook.edge.config import DeviceConfig
from herdbook.edge.triton.environment import triton_home

needs_triton = pytest.mark.skipif(triton_home() is None, reason="no Triton server here: `make triton` makes one")
CAMERA = {"camera_id": "cam-1", "pen_id": "pen-1", "width": 320, "height": 240, "fps": 5, "source": "nowhere"}


def make_config(**told: object) -> DeviceConfig:
    """A device whose SKU is cpu, wherever the tests run."""
    said: dict[str, object] = {"device_id": "barn-1", "farm_id": "farm-1", "timezone": "Europe/London", "sku": "cpu"}
    return DeviceConfig.model_validate({**said, "cameras": [CAMERA], **told})


def make_place(root: Path, **told: object) -> Place:
    """The same device, to take up releases."""
    place = place_of(root, make_config(**told))
    # Tests take up releases as a machine without TensorRT, also where they run on one that has it.
    hardware = place.hardware.model_copy(update={"jetpack": None, "tensorrt": None, "cuda": None})
    return Place(place.root, place.config, hardware, place.host)


def running(place: Place) -> str | None:
    """The release that is named now."""
    active = read_active(place.releases)
    return active.now.use.release_id if active and active.now else None


def named(place: Place, folder: Path, version: int) -> Installed:
    """A release as if it had proved itself: enough for recorders in their own process."""
    release = Release.model_validate_json((folder / "release.json").read_bytes())
    engines = tuple(
        EngineFile(
            role=network.role,
            place=f"{folder.name}/{network.file}",
            bytes=(folder / network.file).stat().st_size,
            sha256=sha256_of(folder / network.file),
            inputs=(),
            outputs=(),
        )
        for network in release.networks
    )
    return Installed(
        folder=folder.name,
        release_sha256=sha256_of(folder / "release.json"),
        use=release.use,
        assignment=version,
        version=version,
        backend="onnxruntime",
        precision=Precision.FP32,
        engines=engines,
        certificate="none.json",
    )


def point_at(place: Place, now: Installed | None, previous: Installed | None = None) -> None:
    """Switch, as the last step of taking up a release does."""
    write_active(place.releases, Active(now=now, previous=previous, since=datetime.now(UTC)))
