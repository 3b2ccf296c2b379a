"""Several processes share a step's batches, and come to what one process would, however often their number changes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file
from two_processes import SCHEDULE

from herdbook.errors import ConfigurationError
from herdbook.learning.params import load_params
from herdbook.learning.retrain.overrides import override
from herdbook.learning.training.checkpoint import Checkpoints
from herdbook.learning.training.params import DistilParams
from herdbook.learning.training.stage import Stage
from herdbook.processes.background import free_ports
from herdnet.sam3 import Teacher
from herdnet.sam3_config import SmallTeacher

TOLERANCE = 1e-4
"""Largest difference of a weight, relative to the largest of its tensor, between one process and two: sums of 32-bit
numbers in another order, over all steps of a small training."""

VALUES: dict[str, Any] = {
    "dataset.frames": 12,
    "dataset.near": 0.0,
    "dataset.shares": {"train": 0.6, "validation": 0.4},
    "distil.student": {"trunk": "mobilenetv3_small_050", "image_size": [64, 96], "width": 8, "looks": 8},
    "distil.trunk_weights": None,
    "distil.phases": [],
    "distil.drift_frames": 0,
    "distil.schedule": {"steps": 6, "batch": 2, "batches": 2, "learning_rate": 1.0e-3, "warmup": 1, "average": 3}
    | {"validate_every": 6, "checkpoint_every": 2},
}


def processes(folder: Path, count: int, last: int | None = None) -> list[dict[str, Any]]:
    """What each of so many processes said; nothing of those that ended early."""
    script = Path(__file__).with_name("two_processes.py")
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_ports(1)[0]), "WORLD_SIZE": str(count)}
    more = [] if last is None else [str(last)]
    started = [
        subprocess.Popen(
            [sys.executable, script, folder, *more],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | shared | {"RANK": str(k), "LOCAL_RANK": str(k)},
        )
        for k in range(count)
    ]
    return [json.loads(said) for said in (p.communicate(timeout=600)[0] for p in started) if said]


def apart(one: dict[str, Any], other: dict[str, Any]) -> float:
    """The largest relative difference of two states."""
    assert one.keys() == other.keys()
    pairs = [(torch.as_tensor(one[name]).double(), torch.as_tensor(other[name]).double()) for name in one]
    return max(float((a - b).abs().max() / a.abs().max().clamp(min=1e-3)) for a, b in pairs)


@pytest.mark.timeout(900)
def test_two_processes_come_to_what_one_does(tmp_path: Path) -> None:
    (alone,) = processes(tmp_path / "alone", 1)
    first, second = processes(tmp_path / "both", 2)
    assert first["weights"] == second["weights"]
    assert apart(alone["weights"], first["weights"]) < TOLERANCE
    assert first["weights"]["constant"] == alone["weights"]["constant"], "what does not move stays to the bit"
    assert (first["judged"], second["judged"]) == (True, False)

    every = list(range(SCHEDULE.steps * SCHEDULE.draws))
    assert sorted(alone["drawn"]) == sorted(first["drawn"] + second["drawn"]) == every, "no batch is learnt from twice"
    assert len(first["drawn"]) == len(second["drawn"])

    for begun, resumed in ((2, 1), (1, 2)):
        folder = tmp_path / f"from {begun} to {resumed}"
        assert processes(folder, begun, last=12 * SCHEDULE.draws) == []
        saved = Checkpoints(folder, "a").newest()
        assert saved is not None
        assert saved[0] in (5, 10)
        assert apart(alone["weights"], processes(folder, resumed)[0]["weights"]) < TOLERANCE


def test_batches_that_cannot_be_shared_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from herdbook.learning.training import shared

    class Three:
        num_processes = 3

    monkeypatch.setattr("accelerate.Accelerator", lambda **_: Three())
    with pytest.raises(ConfigurationError, match="4 batches, which 3 processes cannot share"):
        shared.join(SCHEDULE)


def test_the_number_of_processes_is_not_what_a_result_depends_on(tmp_path: Path) -> None:
    def recipe(**schedule: int) -> str:
        return Stage("distil", tmp_path / "out").recipe(DistilParams(schedule={"steps": 4, **schedule}))  # type: ignore[arg-type]

    assert recipe(processes=2) == recipe(batches=2) == recipe(batches=2, processes=2)
    assert recipe() == recipe(batches=1) != recipe(batches=2)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_student_distilled_by_two_processes_is_that_of_one(small_farms: Path, tmp_path: Path) -> None:
    """The command line's own processes, over gloo: the same figures and weights, and a checkpoint that either takes."""
    environment = os.environ | {"HERDBOOK_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        Teacher.small(SmallTeacher(image_size=64, patch_size=8, channels=64, layers=2, window=4)).save(
            tmp_path / "teacher"
        )

    def learn(count: int, *arguments: object, code: int = 0) -> None:
        params = override(load_params(profile="pocket"), VALUES)
        document = params.model_dump(mode="json")
        document["profiles"]["pocket"]["distil"]["schedule"]["processes"] = count
        file = tmp_path / f"{count}.yaml"
        file.write_text(yaml.safe_dump(document))
        command = [sys.executable, "-m", "herdbook", "learn", *map(str, arguments), "--params", str(file)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=1200)
        assert done.returncode == code, done.stderr

    data, targets = tmp_path / "data", tmp_path / "t.parquet"
    learn(1, "dataset", data, "--farm", small_farms, "--truth", "simulator", small_farms)
    learn(1, "targets", data, targets, "--teacher", tmp_path / "teacher")
    for count in (1, 2):
        learn(count, "distil", data, targets, tmp_path / f"out-{count}", "--teacher", tmp_path / "teacher")
    one, two = (load_file(next((tmp_path / f"out-{count}").glob("*.safetensors"))) for count in (1, 2))
    assert apart(one, two) < TOLERANCE
