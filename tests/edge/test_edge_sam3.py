"""The sam3 engine: a small teacher of the real classes, with random weights, through the recorder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from edge_cases import AFTERWARDS, DAY, MakeDevice

from herdbook.contracts.camera import Camera
from herdbook.contracts.device_day import ReleaseUse, parse_manifest
from herdbook.contracts.ethogram import load_ethogram
from herdbook.contracts.records import RECORDS, RecordKind
from herdbook.edge.engines import make_engine
from herdbook.edge.perception import points, sam3
from herdbook.edge.perception.network import BehaviourNetwork, NetworkFile, SelectionRules, write_network
from herdbook.edge.perception.parameters import Sam3Parameters
from herdbook.edge.recorder import record_day
from herdbook.errors import ConfigurationError
from herdbook.learning.evaluation.engine_file import read_engine
from support import pen_video
from support.released import PLACES, RELEASE

TOLD = RELEASE | {"release_id": "sam3-test", "engine": "sam3", "space_id": "sam3-test", "dimensions": 64}
CAMERA = Camera(camera_id="cam-1", pen_id="pen-1", width=pen_video.WIDTH, height=pen_video.HEIGHT, fps=pen_video.FPS)
QUICK = {"points_per_side": 4, "key_frames": 5, "lost_s": 10.0}


@pytest.fixture(scope="session")
def teacher_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights; a score of next to nothing makes an animal, so that there are some."""
    import torch

    from herdnet.behaviour import BehaviourConfig, BehaviourHead
    from herdnet.behaviour_export import export_behaviour
    from herdnet.behaviour_features import feature_names
    from herdnet.sam3 import Teacher
    from herdnet.sam3_config import SmallTeacher

    folder = tmp_path_factory.mktemp("teacher") / "release"
    torch.manual_seed(0)
    Teacher.small(SmallTeacher(image_size=64, patch_size=16, channels=64, layers=2, window=2)).save(folder)
    behaviours = load_ethogram("pig-9").names
    names = feature_names((), tuple(place.value for place in PLACES))
    export_behaviour(BehaviourHead(BehaviourConfig(behaviours, names, width=8)), folder / "behaviour.onnx")
    head = BehaviourNetwork(behaviours=behaviours, features=names, places=PLACES, prior=(1 / 9,) * 9)
    rules = SelectionRules(score=1e-6, overlap=0.5, area=0.001)
    write_network(folder, NetworkFile(dimensions=64, selection=rules, behaviour=head))
    return folder


def test_a_day_is_recorded_and_again_the_same(
    make_device: MakeDevice, teacher_release: Path, films: Path, tmp_path: Path
) -> None:
    config = make_device(films / "walk.mp4", release=TOLD, network=teacher_release, sam3=QUICK)
    days = [record_day(config, tmp_path / name, DAY, now=AFTERWARDS) for name in ("one", "two")]
    files = [{f.name: f.sha256 for f in parse_manifest((d.folder / "manifest.json").read_bytes()).files} for d in days]
    assert files[0] == files[1]
    for kind in RecordKind:
        assert pq.read_schema(days[0].folder / f"{kind}.parquet").equals(RECORDS[kind].schema)


def test_embeddings_and_boxes_are_of_the_frame(teacher_release: Path) -> None:
    parameters = Sam3Parameters.model_validate(QUICK)
    engine = sam3.make(ReleaseUse.model_validate(TOLD), teacher_release, parameters)
    finder = engine._finder
    finder.open(CAMERA)
    image = next(iter(pen_video.film(pen_video.walker, 1)))
    found = finder.find(image)
    masks = np.array([s.mask for s in found])
    assert not len(masks) or masks.sum(0).max() == 1
    for sighting in found:
        x, y, width, height = sighting.box
        assert 0 <= x < x + width <= CAMERA.width
        assert 0 <= y < y + height <= CAMERA.height
        assert np.linalg.norm(sighting.embedding) == pytest.approx(1, abs=1e-4)


def test_the_point_to_ask_again_lies_on_the_animal() -> None:
    ring = np.zeros((20, 20), bool)
    ring[4:16, 4:16] = True
    ring[7:13, 7:16] = False  # its middle is not its own
    x, y = points._inner(ring)
    assert ring[int(y), int(x)]


def test_weights_that_are_not_there_are_said(teacher_release: Path, make_device: MakeDevice, tmp_path: Path) -> None:
    (tmp_path / "network.json").write_bytes((teacher_release / "network.json").read_bytes())
    (tmp_path / "behaviour.onnx").write_bytes((teacher_release / "behaviour.onnx").read_bytes())
    with pytest.raises(ConfigurationError, match=r"config\.json|safetensors|weights"):
        make_engine(make_device("x", release=TOLD, network=tmp_path))


def test_every_file_of_the_weights_belongs_to_the_engine(teacher_release: Path) -> None:
    path = teacher_release / "engine.yaml"
    names = ["config.json", "model.safetensors", "network.json", "behaviour.onnx"]
    path.write_text(yaml.safe_dump({"release": TOLD, "models": names[1:]}))
    with pytest.raises(ConfigurationError, match=r"config\.json"):
        read_engine(path)
    path.write_text(yaml.safe_dump({"release": TOLD, "models": names}))
    assert read_engine(path).network == teacher_release


def test_the_recorder_imports_torch_only_for_it() -> None:
    code = (
        "import sys; import herdbook.edge.recorder, herdbook.edge.perception.compact, herdbook.edge.perception.sam3; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
