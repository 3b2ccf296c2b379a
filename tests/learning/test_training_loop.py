"""The training loop: resumed is as never interrupted, and what is wrong is said."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor, nn

from herdbook.errors import CheckpointError, ConfigurationError, TrainingError
from herdbook.learning.params import pipeline_root
from herdbook.learning.training.checkpoint import Checkpoints
from herdbook.learning.training.curves import Curves
from herdbook.learning.training.loop import Trained, train
from herdbook.learning.training.schedule import Schedule

SCHEDULE = Schedule(steps=30, learning_rate=0.05, warmup=3, validate_every=10, checkpoint_every=5)


class Line(nn.Module):
    """y = 3 x through a network with dropout and batch normalisation: all that a resumed run must get right."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(1, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Linear(8, 1))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        loss = (self.layers(x) - 3 * x).square().mean()
        return {"square": loss, "total": loss}


class LineTask:
    def __init__(self, nan_at: int | None = None) -> None:
        torch.manual_seed(4)
        self.module, self.nan_at = Line(), nan_at

    def arguments(self, step: int) -> tuple[Any, ...]:
        x = torch.randn(16, 1, generator=torch.Generator().manual_seed(step))
        return (x * float("nan") if step == self.nan_at else x,)

    def validate(self, module: nn.Module) -> Mapping[str, float]:
        assert isinstance(module, Line)
        x = torch.linspace(-1, 1, 9)[:, None]
        return {"error": float((module.layers(x) - 3 * x).detach().abs().mean())}


def learn(
    folder: Path,
    task: LineTask | None = None,
    stop_at: int | None = None,
    recipe: str = "a",
    schedule: Schedule = SCHEDULE,
) -> Trained:
    def interrupt(done: int, total: int) -> None:
        if done == stop_at:
            raise KeyboardInterrupt

    curves = Curves(folder / "curves.jsonl")
    return train(task or LineTask(), schedule, Checkpoints(folder, recipe), curves, interrupt)


def test_it_learns(tmp_path: Path) -> None:
    before = LineTask().validate(LineTask().module.eval())["error"]
    trained = learn(tmp_path)
    assert trained.figures["error"] < before / 2
    assert not trained.module.training


@pytest.mark.parametrize("stop_at", [1, 5, 12, 29, 30])
def test_interrupted_anywhere_and_resumed_is_as_never_interrupted(tmp_path: Path, stop_at: int) -> None:
    whole = learn(tmp_path / "whole").module.state_dict()
    with pytest.raises(KeyboardInterrupt):
        learn(tmp_path / "cut", stop_at=stop_at)
    resumed = learn(tmp_path / "cut").module.state_dict()
    assert all(torch.equal(resumed[name], value) for name, value in whole.items())


def test_another_recipe_begins_anew(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        learn(tmp_path, stop_at=20)
    assert Checkpoints(tmp_path, "a").newest() is not None
    assert Checkpoints(tmp_path, "b").newest() is None


def test_a_loss_that_is_no_number_ends_training_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="step 17"):
        learn(tmp_path, LineTask(nan_at=17))
    newest = Checkpoints(tmp_path, "a").newest()
    assert newest is not None
    assert newest[0] == 15
    assert all(bool(torch.isfinite(v).all()) for v in newest[1]["module"].values())


@pytest.mark.parametrize("damage", [lambda raw: raw[:-9], lambda raw: raw[:60] + b"\0" + raw[61:], lambda raw: b""])
def test_a_damaged_checkpoint_is_said(tmp_path: Path, damage: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        learn(tmp_path, stop_at=20)
    (file,) = tmp_path.glob("*/step-*.pt")
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(CheckpointError) as caught:
        learn(tmp_path)
    assert str(file) in str(caught.value)
    assert "Remove" in caught.value.remedy


def test_curves_have_a_row_per_point_and_go_on_after_an_interruption(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        learn(tmp_path, stop_at=24)
    learn(tmp_path)
    curves = Curves(tmp_path / "curves.jsonl")
    curves.write(tmp_path / "curves.csv")
    rows = [line.split(",") for line in (tmp_path / "curves.csv").read_text().splitlines()]
    assert rows[0] == ["step", "loss_square", "loss_total", "validation_error"]
    assert [row[0] for row in rows[1:]] == ["10", "20", "30"]


def test_the_rate_warms_up_and_falls_to_nothing() -> None:
    rates = [SCHEDULE.rate(step) for step in range(SCHEDULE.steps)]
    assert rates[0] < rates[3] == max(rates)
    assert all(a > b for a, b in pairwise(rates[3:]))
    assert rates[-1] < 0.01 * max(rates)


def test_a_command_in_several_processes_ends_as_one_of_them_does(tmp_path: Path) -> None:
    """What is wrong for one is said by its own exit code, and no process is left waiting for the others."""
    codes = {}
    for count in (1, 2):
        document = yaml.safe_load((pipeline_root() / "params.yaml").read_text(encoding="utf-8"))
        document["profiles"]["pocket"]["embed"]["schedule"]["processes"] = count
        params = tmp_path / f"{count}.yaml"
        params.write_text(yaml.safe_dump(document), encoding="utf-8")
        command = ["learn", "embed", tmp_path / "nowhere", tmp_path / "out", "--params", params]
        done = subprocess.run(
            [sys.executable, "-m", "herdbook", *command], capture_output=True, text=True, check=False, timeout=200
        )
        assert done.stderr.count("error:") == count
        assert "nowhere" in done.stderr
        codes[count] = done.returncode
    assert codes[2] == codes[1] != 0


SHARED = SCHEDULE.model_copy(
    update={"shares": {"layers.0": 0.0, "layers.1": 0.0, "layers.3": 0.1, "layers.3.bias": 1.0}}
)


def test_a_part_without_a_share_stays_as_it_is_and_what_it_has_counted_too(tmp_path: Path) -> None:
    before = LineTask().module.state_dict()
    after = learn(tmp_path, schedule=SHARED).module.state_dict()
    kept = {name for name in before if torch.equal(before[name], after[name])}
    assert kept == {name for name in before if name.startswith(("layers.0.", "layers.1."))}


def test_a_smaller_share_is_a_smaller_step(tmp_path: Path) -> None:
    first = SHARED.model_copy(update={"steps": 1, "warmup": 0, "average": 1, "weight_decay": 0.0})
    task = LineTask()
    before = {name: value.clone() for name, value in task.module.named_parameters()}
    learn(tmp_path, task, schedule=first)
    moved = {name: float((value - before[name]).detach().abs().max()) for name, value in task.module.named_parameters()}
    # AdamW's first step is the rate itself, whatever the gradient
    assert moved["layers.3.weight"] == pytest.approx(0.1 * first.rate(0), rel=1e-3)
    assert moved["layers.3.bias"] == pytest.approx(first.rate(0), rel=1e-3)


def test_a_share_of_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"layers\.9"):
        learn(tmp_path, schedule=SCHEDULE.model_copy(update={"shares": {"layers.9": 0.5}}))
