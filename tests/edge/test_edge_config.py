from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
import yaml

from herdbook.edge import config as module
from herdbook.edge.config import DeviceCamera, read_device_config, write_device_config
from herdbook.errors import ConfigurationError


def example() -> str:
    """The example of the module's docstring."""
    text = (module.__doc__ or "").split("Example::")[1].split("Relative paths")[0]
    return textwrap.dedent(text)


def test_the_documented_example_is_valid_and_its_paths_become_absolute(tmp_path: Path) -> None:
    path = tmp_path / "device.yaml"
    path.write_text(example())
    config = read_device_config(path)
    assert config.cameras[0].source == str(tmp_path / "footage/pen-1-top")
    assert config.cameras[0].background == tmp_path / "pen-1-empty.png"
    assert config.release.engine == "motion"


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(example())
    config = read_device_config(tmp_path / "one.yaml")
    write_device_config(tmp_path / "two.yaml", config)
    assert read_device_config(tmp_path / "two.yaml") == config


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"devise": 1}, "devise"),
        ({"timezone": "Europe/Atlantis"}, "timezone"),
        ({"device_id": "../../etc"}, "device_id"),
        ({"cameras": []}, "cameras"),
        ({"clip_s": 0}, "clip_s"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: dict[str, object], named: str) -> None:
    (tmp_path / "device.yaml").write_text(yaml.safe_dump(yaml.safe_load(example()) | change))
    with pytest.raises(ConfigurationError, match=named):
        read_device_config(tmp_path / "device.yaml")


def test_two_cameras_of_one_name_are_refused(tmp_path: Path) -> None:
    told = yaml.safe_load(example())
    (tmp_path / "device.yaml").write_text(yaml.safe_dump(told | {"cameras": told["cameras"] * 2}))
    with pytest.raises(ConfigurationError, match="same camera_id"):
        read_device_config(tmp_path / "device.yaml")


@pytest.mark.parametrize(
    ("source", "live", "shown"),
    [
        ("rtsp://admin:secret@10.0.0.7:554", True, "rtsp://10.0.0.7:554"),
        ("rtsp://admin:secret@10.0.0.7/stream", True, "rtsp://10.0.0.7/…"),
        ("rtsp://admin:sec@ret@10.0.0.7:554/stream", True, "rtsp://10.0.0.7:554/…"),
        ("rtsp://admin:sec/ret@10.0.0.7/stream", True, "rtsp://…"),
        ("rtsp://admin:s?c@ret@10.0.0.7", True, "rtsp://…"),
        ("rtsp://10.0.0.7/live?user=admin&password=s@cret", True, "rtsp://…"),
        ("rtsp://10.0.0.7/user=admin_password=secret", True, "rtsp://10.0.0.7/…"),
        ("rtsp://[::1]:554/live?user=admin&password=secret", True, "rtsp://[::1]:554/…"),
        ("/dev/video0", True, "/dev/video0"),
        ("tcp://127.0.0.1:9000", True, "tcp://127.0.0.1:9000"),
        ("footage/pen-1", False, "footage/pen-1"),
        ("/data/a@b.mp4", False, "/data/a@b.mp4"),
    ],
)
def test_streams_and_devices_are_live_and_shown_without_secrets(source: str, live: bool, shown: str) -> None:
    camera = DeviceCamera(camera_id="c", pen_id="p", width=1, height=1, fps=1, source=source)
    assert camera.is_live is live
    assert camera.public_source == shown
    assert "source" not in camera.contract().model_dump()


def test_a_written_configuration_is_its_owners_alone(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(example())
    write_device_config(tmp_path / "two.yaml", read_device_config(tmp_path / "one.yaml"))
    assert (tmp_path / "two.yaml").stat().st_mode & 0o777 == 0o600
