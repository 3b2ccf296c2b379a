"""A small pen, its films, and devices that look at them."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest
from edge_cases import SINCE, MakeDevice

from herdbook.contracts.camera import Calibration, Zone, ZoneKind
from herdbook.edge.config import DeviceCamera, DeviceConfig
from support import pen_video


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``walk.mp4``: 12 s of one animal walking and one lying; ``empty.png``: the pen without them."""
    folder = tmp_path_factory.mktemp("films")
    pen_video.write(folder / "walk.mp4", pen_video.film(pen_video.walker, 12))
    cv2.imwrite(str(folder / "empty.png"), pen_video.floor())
    return folder


@pytest.fixture
def make_device(films: Path) -> MakeDevice:
    """A device whose one camera has this source; keywords change camera and device."""

    def make(source: Path | str, *, camera: dict[str, object] | None = None, **device: object) -> DeviceConfig:
        told: dict[str, object] = {
            "camera_id": "cam-1",
            "pen_id": "pen-1",
            "width": pen_video.WIDTH,
            "height": pen_video.HEIGHT,
            "fps": pen_video.FPS,
            "source": str(source),
            "background": films / "empty.png",
            "zones": (
                Zone(
                    zone_id="bed",
                    kind=ZoneKind.LYING,
                    polygon=((80, 60), (160, 60), (160, 120), (80, 120)),
                    valid_from=SINCE,
                ),
            ),
            "calibrations": (
                Calibration(calibration_id="true", homography=(0.02, 0, 0, 0, 0.02, 0, 0, 0, 1), valid_from=SINCE),
            ),
        }
        said: dict[str, object] = {"device_id": "barn-1", "farm_id": "farm-1", "timezone": "Europe/London"}
        return DeviceConfig.model_validate(
            said | device | {"cameras": (DeviceCamera.model_validate(told | (camera or {})),)}
        )

    return make


@pytest.fixture
def clip_folder(films: Path, tmp_path: Path) -> Path:
    """Two clips of 12 s at 12:00:00 and 12:00:12 farm time, and one a minute later."""
    folder = tmp_path / "clips"
    folder.mkdir()
    for stamp in ("20260601T110000Z", "20260601T110012Z", "20260601T110112Z"):
        (folder / f"cam-1_{stamp}.mp4").write_bytes((films / "walk.mp4").read_bytes())
    return folder
