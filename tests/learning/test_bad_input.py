"""Bad input to a training run, through the shipped pipeline or its real stages: each is one clear error of its own
class, and the champion keeps its alias. (A registry that is down: `test_retrain`, `test_registry_store`.)"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import yaml
from registry_cases import registered
from typer.testing import CliRunner

from herdbook.cli import app
from herdbook.errors import (
    BoxOutsideFrameError,
    CheckpointError,
    DiskFullError,
    EmptyDatasetError,
    TrainingError,
    UnknownClassError,
)
from herdbook.learning.datasets.manifest import FILE
from herdbook.learning.datasets.sources import SourceList, gather
from herdbook.learning.params import load_params
from herdbook.learning.registry.models import CHAMPION, COMPACT, find, move_champion
from herdbook.learning.retrain.overrides import override
from herdbook.learning.retrain.run import retrain
from herdbook.learning.training.stage import Stage
from herdbook.settings import Settings, get_settings
from herdnet.sam3 import Teacher
from herdnet.sam3_config import SmallTeacher

pytest.importorskip("dvc")
pytest.importorskip("mlflow")
pytest.importorskip("cv2", reason="reading clips needs the extra 'edge'")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PRIVATE_MOUNTS = ["unshare", "--map-root-user", "--mount"]
TINY: dict[str, Any] = {
    "dataset.frames": 12,
    "dataset.near": 0.0,
    "dataset.shares": {"train": 0.6, "validation": 0.4},
    "targets.encoding": "fp16",
    "distil.student": {"trunk": "mobilenetv3_small_100", "image_size": [64, 96], "width": 16, "looks": 16},
    "distil.trunk_weights": None,
    "distil.phases": [],
    "distil.schedule": {"steps": 2, "batch": 2, "learning_rate": 1.0e-3, "warmup": 1, "validate_every": 2},
}


@pytest.fixture(scope="module")
def crowned(make_registry: Callable[[], Settings], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home whose registry has a champion."""
    settings = make_registry()
    version = registered(settings, tmp_path_factory.mktemp("champion"), "champion")
    move_champion(settings, COMPACT, version.number)
    return settings


@pytest.fixture
def settings(crowned: Settings) -> Iterator[Settings]:
    """Whatever a test does, the champion is who it was."""
    yield crowned
    champion = find(crowned, COMPACT, CHAMPION)
    assert champion is not None
    assert champion.number == 1


def train(settings: Settings, run_id: str, farms: Path, values: dict[str, Any], *, empty: bool = False) -> None:
    def sources() -> SourceList:
        found = gather(settings, farm=farms, simulator_truth=farms)
        return found.model_copy(update={"clips": {}}) if empty else found

    retrain(settings, run_id, profile="pocket", values=values, sources=sources)


def test_an_empty_dataset(settings: Settings, small_farms: Path) -> None:
    with pytest.raises(EmptyDatasetError, match="stage dataset: there is no footage to choose from"):
        train(settings, "empty", small_farms, TINY, empty=True)


def test_a_class_that_the_ethogram_does_not_know(settings: Settings, small_farms: Path) -> None:
    with pytest.raises(UnknownClassError, match=r"stage dataset: .*pig"):
        train(settings, "class", small_farms, TINY | {"dataset.ethogram": "calf-8"})


def test_boxes_outside_the_frame(settings: Settings, small_farms: Path, tmp_path: Path) -> None:
    farms = shutil.copytree(small_farms, tmp_path / "farms")
    for path in farms.glob("south/truth/*/*/boxes.parquet"):
        table = pq.read_table(path)
        place = table.schema.get_field_index("x")
        moved = pa.array([x + 500 for x in table["x"].to_pylist()], table.schema.field("x").type)
        pq.write_table(table.set_column(place, table.schema.field("x"), moved), path)
    with pytest.raises(BoxOutsideFrameError, match=r"stage dataset: .*frame"):
        train(settings, "boxes", farms, TINY)


@pytest.fixture(scope="module")
def stages(crowned: Settings, small_farms: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which stages of the pipeline were run as it runs them: a dataset, and a teacher to ask."""
    folder = tmp_path_factory.mktemp("stages")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        Teacher.small(SmallTeacher(image_size=64, patch_size=8, channels=64, layers=2, window=4)).save(
            folder / "teacher"
        )
    for name, values in (("params", TINY), ("wild", TINY | {"distil.losses.centre": 1e39})):  # beyond a float32
        params = override(load_params(profile="pocket"), values)
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(params.model_dump(mode="json")))
    told = ("--farm", small_farms, "--truth", "simulator", small_farms, "--params", folder / "params.yaml")
    learn(crowned, "dataset", folder / "dataset", *told)
    return folder


def learn(settings: Settings, *arguments: object) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HERDBOOK_HOME", str(settings.home))
        get_settings.cache_clear()
        done = CliRunner().invoke(app, ["learn", *map(str, arguments), "--json"], catch_exceptions=False)
    get_settings.cache_clear()
    assert done.exit_code == 0, done.output
    return done.stdout


def asking(stages: Path) -> tuple[object, ...]:
    given = ("--teacher", stages / "teacher", "--params", stages / "params.yaml")
    return ("targets", stages / "dataset", stages / "targets.parquet", *given)


def test_a_disk_that_fills_during_targets(settings: Settings, stages: Path, tmp_path: Path) -> None:
    """The store of targets lies on a disk of 64 kB; where there is room, the same command does the rest."""
    store = settings.home.absolute() / "registry" / "targets"
    store.mkdir(parents=True, exist_ok=True)
    probe = [*PRIVATE_MOUNTS, "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(store)]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let us mount a small disk of our own")
    command = shlex.join([sys.executable, "-m", "herdbook", "learn", *map(str, asking(stages))])
    done = subprocess.run(
        [*PRIVATE_MOUNTS, "sh", "-c", f"{shlex.join(probe[len(PRIVATE_MOUNTS) :])} && {command}"],
        env=os.environ | {"HERDBOOK_HOME": str(settings.home), "COLUMNS": "400"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == DiskFullError.exit_code, done.stderr
    assert "no space" in done.stderr
    assert "continues where it stopped" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (stages / "targets.parquet").exists()
    assert json.loads(learn(settings, *asking(stages)))["frames"] == 12


def test_a_loss_that_is_no_number_and_then_a_checkpoint_that_is_corrupt(settings: Settings, stages: Path) -> None:
    learn(settings, *asking(stages))
    out, wild = stages / "student", stages / "wild.yaml"
    told = ("distil", stages / "dataset", stages / "targets.parquet", out, "--teacher", stages / "teacher")
    with pytest.raises(TrainingError, match="step 0: the loss is not a number"):
        learn(settings, *told, "--params", wild)
    assert not out.exists(), "no student came of it"
    params = load_params(wild).chosen.distil
    recipe = Stage("distil", out).recipe(params, stages / "dataset" / FILE, stages / "targets.parquet")
    torn = stages / ".checkpoints" / "distil" / "main" / recipe[:32] / f"step-000000001-{'0' * 64}.pt"
    torn.parent.mkdir(parents=True, exist_ok=True)
    torn.write_bytes(b"half of it")
    with pytest.raises(CheckpointError) as caught:
        learn(settings, *told, "--params", wild)
    assert torn.name in caught.value.message
    assert "Remove" in caught.value.remedy
    assert not out.exists()
