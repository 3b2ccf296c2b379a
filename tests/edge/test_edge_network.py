"""A release folder: what may lie in it, and what is said of one that is not whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from edge_cases import MakeDevice
from pydantic import ValidationError

from herdbook.edge.config import DeviceConfig, read_device_config, write_device_config
from herdbook.edge.engines import make_engine
from herdbook.edge.perception.network import NetworkFile, read_network, release_digest, write_network
from herdbook.errors import ConfigurationError
from support.released import RELEASE


@pytest.fixture
def release(random_release: Path, tmp_path: Path) -> Path:
    """A copy that may be spoiled."""
    return Path(shutil.copytree(random_release, tmp_path / "release"))


def changed(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    said = json.loads((folder / "network.json").read_text())
    change(said)
    (folder / "network.json").write_text(json.dumps(said))
    return folder


def test_a_network_is_read_back_as_it_was_written(release: Path) -> None:
    network = read_network(release)
    before = (release / "network.json").read_bytes()
    write_network(release, network)
    assert (release / "network.json").read_bytes() == before
    assert network.files == ("network.json", "student.onnx", "behaviour.onnx")


@pytest.mark.parametrize(
    "wrong",
    [
        {"format": "herdbook-network/2"},
        {"colour": "blue"},
        {"student": "../student.onnx"},
        {"student": "/etc/student.onnx"},
        {"stride": None},
        {"image_size": [65, 96]},
        {"postures": ["lying", "lying"]},
        {"dimensions": 0},
        {"selection": {"score": 2.0}},
    ],
)
def test_what_a_network_file_may_not_say(release: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"network\.json"):
        read_network(changed(release, lambda said: said.update(wrong)))


def test_the_prior_is_of_every_behaviour(release: Path) -> None:
    said = json.loads((release / "network.json").read_text())
    said["behaviour"]["prior"].pop()
    with pytest.raises(ValidationError, match="prior"):
        NetworkFile.model_validate_json(json.dumps(said))


@pytest.mark.parametrize("name", ["network.json", "student.onnx", "behaviour.onnx"])
def test_a_missing_file_is_named(release: Path, make_device: MakeDevice, name: str) -> None:
    (release / name).unlink()
    with pytest.raises(ConfigurationError, match=name.replace(".", r"\.")):
        make_engine(make_device("x", release=RELEASE, network=release))


def test_bytes_that_are_no_graph_are_said(release: Path, make_device: MakeDevice) -> None:
    (release / "student.onnx").write_bytes(b"no graph")
    with pytest.raises(ConfigurationError, match="not an ONNX graph") as caught:
        make_engine(make_device("x", release=RELEASE, network=release))
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"image_size": [96, 96]}, "'images' is 1x3x64x96, not 1x3x96x96"),
        ({"stride": 1}, "'masks'"),
        ({"postures": ["lying"]}, "'postures'"),
        ({"student": "behaviour.onnx"}, "not 'images'"),
    ],
)
def test_a_graph_of_another_shape_is_said(
    release: Path, make_device: MakeDevice, wrong: dict[str, Any], said: str
) -> None:
    changed(release, lambda told: told.update(wrong))
    with pytest.raises(ConfigurationError, match=said):
        make_engine(make_device("x", release=RELEASE, network=release))


def test_a_head_of_other_features_is_refused(release: Path, make_device: MakeDevice) -> None:
    changed(release, lambda told: told["behaviour"].update(places=[]))
    with pytest.raises(ConfigurationError, match="other features"):
        make_engine(make_device("x", release=RELEASE, network=release))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"dimensions": 8}, "8 dimensions"), ({"ethogram_id": "calf-8"}, "ethogram"), ({"engine": "magic"}, "magic")],
)
def test_a_release_must_be_that_of_the_folder(
    random_release: Path, make_device: MakeDevice, wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        make_engine(make_device("x", release=RELEASE | wrong, network=random_release))


def test_a_learned_engine_without_its_folder_says_where_to_name_it(make_device: MakeDevice) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make_engine(make_device("x", release=RELEASE))
    assert "device.yaml" in str(caught.value.remedy)


def test_the_folder_is_relative_to_the_device_file(make_device: MakeDevice, tmp_path: Path) -> None:
    write_device_config(tmp_path / "device.yaml", make_device("x", release=RELEASE, network="releases/one"))
    read: DeviceConfig = read_device_config(tmp_path / "device.yaml")
    assert read.network == tmp_path / "releases" / "one"


def test_the_digest_is_of_content_not_of_place(random_release: Path, release: Path) -> None:
    assert release_digest(release) == release_digest(random_release)
    (release / "student.onnx").write_bytes(b"another")
    assert release_digest(release) != release_digest(random_release)
