"""The compact engine through the recorder: valid days, the same again, and what training takes from it."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from edge_cases import AFTERWARDS, DAY, MakeDevice
from typer.testing import CliRunner

from herdbook.cli import app
from herdbook.contracts.camera import Camera
from herdbook.contracts.device_day import FileKind, ReleaseUse, parse_manifest
from herdbook.contracts.records import RECORDS, RecordKind
from herdbook.edge.config import write_device_config
from herdbook.edge.perception import compact
from herdbook.edge.perception.clip_steps import SeenTrack, clip_steps
from herdbook.edge.perception.parameters import CompactParameters
from herdbook.edge.recorder import Issued, record_day
from herdbook.errors import ConfigurationError
from herdnet.behaviour_features import feature_names
from support import pen_video
from support.released import BEHAVIOURS, DIMENSIONS, RELEASE

T0 = datetime(2026, 6, 1, 11, tzinfo=UTC)
CAMERA = Camera(camera_id="cam-1", pen_id="pen-1", width=pen_video.WIDTH, height=pen_video.HEIGHT, fps=pen_video.FPS)


def rows(issued: Issued, kind: RecordKind) -> list[dict[str, Any]]:
    return pq.read_table(issued.folder / f"{kind}.parquet").to_pylist()


@pytest.fixture(scope="session")
def walk(taught_release: Path) -> list[SeenTrack]:
    """The tracks of the film of one animal that walks and one that lies."""
    engine = compact.make(ReleaseUse.model_validate(RELEASE), taught_release, CompactParameters(), keep_embeddings=True)
    film = enumerate(pen_video.film(pen_video.walker, 12))
    return clip_steps(engine, CAMERA, ((T0 + timedelta(seconds=n / pen_video.FPS), image) for n, image in film))


@pytest.fixture
def recorded(make_device: MakeDevice, taught_release: Path, clip_folder: Path, tmp_path: Path) -> Issued:
    config = make_device(clip_folder, release=RELEASE, network=taught_release)
    return record_day(config, tmp_path / "root", DAY, now=AFTERWARDS)


def test_the_day_is_valid_and_names_the_release(recorded: Issued) -> None:
    manifest = parse_manifest((recorded.folder / "manifest.json").read_bytes())
    assert [release.release_id for release in manifest.releases] == ["compact-test"]
    for kind in RecordKind:
        assert pq.read_schema(recorded.folder / f"{kind}.parquet").equals(RECORDS[kind].schema)
    tracklets = rows(recorded, RecordKind.TRACKLET)
    assert len(tracklets) >= 2
    bouts = rows(recorded, RecordKind.BOUT)
    assert {row["behaviour"] for row in bouts} <= set(BEHAVIOURS)
    for tracklet in tracklets:
        mine = sorted((b for b in bouts if b["tracklet_id"] == tracklet["tracklet_id"]), key=lambda b: b["started_at"])
        assert (mine[0]["started_at"], mine[-1]["ended_at"]) == (tracklet["started_at"], tracklet["ended_at"])
        assert all(a["ended_at"] <= b["started_at"] for a, b in pairwise(mine))
    for row in rows(recorded, RecordKind.EMBEDDING):
        assert len(row["vector"]) == DIMENSIONS
        assert np.linalg.norm(np.array(row["vector"]) * row["scale"]) == pytest.approx(1, abs=0.05)


def test_the_same_footage_gives_the_same_day_wherever_the_release_lies(
    recorded: Issued, make_device: MakeDevice, taught_release: Path, clip_folder: Path, tmp_path: Path
) -> None:
    elsewhere = shutil.copytree(taught_release, tmp_path / "elsewhere")
    config = make_device(clip_folder, release=RELEASE, network=elsewhere)
    again = record_day(config, tmp_path / "again", DAY, now=AFTERWARDS)
    files = [{f.name: f.sha256 for f in _manifest(day).files} for day in (recorded, again)]
    assert files[0] == files[1]
    known = record_day(config, tmp_path / "root", DAY, now=AFTERWARDS)
    assert (known.state, known.revision) == ("unchanged", 1)


def test_another_release_in_the_same_folder_is_news(
    make_device: MakeDevice, random_release: Path, clip_folder: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(random_release, tmp_path / "release"))
    config = make_device(clip_folder, release=RELEASE, network=folder)
    record_day(config, tmp_path / "root", DAY, now=AFTERWARDS)
    said = json.loads((folder / "network.json").read_text())
    said["selection"]["score"] = 0.4
    (folder / "network.json").write_text(json.dumps(said))
    assert record_day(config, tmp_path / "root", DAY, now=AFTERWARDS).state == "issued"


def test_a_network_that_finds_nothing_is_a_day_without_animals(
    make_device: MakeDevice, random_release: Path, clip_folder: Path, tmp_path: Path
) -> None:
    config = make_device(clip_folder, release=RELEASE, network=random_release)
    issued = record_day(config, tmp_path / "root", DAY, now=AFTERWARDS)
    assert issued.tracklets == 0
    assert rows(issued, RecordKind.COVERAGE)


def test_the_command_line_records_with_it(
    make_device: MakeDevice, taught_release: Path, clip_folder: Path, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    shutil.copytree(taught_release, root / "release")
    write_device_config(root / "device.yaml", make_device(clip_folder, release=RELEASE, network="release"))
    told = ["edge", "record", "--root", str(root), "--day", str(DAY), "--json"]
    found = CliRunner().invoke(app, told)
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout)[0]["tracklets"] >= 2
    (root / "release" / "student.onnx").write_bytes(b"spoiled")
    assert isinstance(CliRunner().invoke(app, told).exception, ConfigurationError)


def test_each_animal_is_one_track_with_true_boxes(walk: list[SeenTrack]) -> None:
    assert len(walk) == 2
    lies = min(walk, key=lambda t: np.ptp(t.boxes[:, 0]))
    x, y, width, height = lies.boxes.mean(axis=0)
    assert (x + width / 2, y + height / 2) == pytest.approx((110, 85), abs=6)
    walks = max(walk, key=lambda t: np.ptp(t.boxes[:, 0]))
    assert np.ptp(walks.boxes[:, 0]) == pytest.approx(100, abs=12)


def test_steps_are_seconds_of_what_was_seen(walk: list[SeenTrack]) -> None:
    for track in walk:
        steps = track.steps
        assert steps.started_at == track.at[0]
        assert len(steps.seconds) == len(steps.present) == 12
        names = feature_names(BEHAVIOURS, ("feeder", "drinker", "lying"))
        features = steps.features()
        assert features.shape == (12, len(names))
        assert np.isfinite(features).all()
        assert steps.embeddings is not None
        assert np.linalg.norm(steps.embeddings[steps.present], axis=1) == pytest.approx(1, abs=1e-5)
        # the camera has no zones: everything is far
        assert features[:, names.index("place_feeder")].max() == 0
    speed = [float(t.steps.features()[:, names.index("speed_1s")].mean()) for t in walk]
    assert max(speed) > 3 * min(speed)


def test_without_a_head_single_frames_are_judged(
    make_device: MakeDevice, taught_release: Path, clip_folder: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(taught_release, tmp_path / "release"))
    said = json.loads((folder / "network.json").read_text())
    (folder / "network.json").write_text(json.dumps(said | {"behaviour": None}))
    config = make_device(clip_folder, release=RELEASE, network=folder)
    issued = record_day(config, tmp_path / "root", DAY, now=AFTERWARDS)
    assert rows(issued, RecordKind.BOUT)


def test_a_new_engine_sees_the_same(taught_release: Path) -> None:
    image = next(iter(pen_video.film(pen_video.walker, 1)))
    release = ReleaseUse.model_validate(RELEASE)
    seen = []
    for _ in range(2):
        engine = compact.make(release, taught_release, CompactParameters(threads=1))
        engine.open(CAMERA, None, list)
        instances = engine.see(T0, image).instances
        seen.append([(i.track, i.box, i.confidence, engine.embed(i).tobytes()) for i in instances])
    assert seen[0] == seen[1] != []


def _manifest(issued: Issued) -> Any:
    manifest = parse_manifest((issued.folder / "manifest.json").read_bytes())
    assert manifest.of_kind(FileKind.CLIP)
    return manifest
