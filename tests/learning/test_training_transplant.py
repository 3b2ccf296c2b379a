"""The arm `transplant`: the real stage on a small dataset, from a teacher's kept targets to a student that runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from typer.testing import CliRunner

from herdbook.cli import app
from herdbook.errors import InputError
from herdbook.learning.params import load_params, pipeline_root
from herdbook.learning.retrain.overrides import override
from herdbook.learning.training.distil import compact_config
from herdbook.learning.training.weights import load_student
from herdbook.settings import get_settings
from herdnet.compact import CompactStudent
from herdnet.compact_transplant import SEEN
from herdnet.sam3 import Teacher
from herdnet.sam3_config import SmallTeacher

pytestmark = pytest.mark.slow

TINY = SmallTeacher(image_size=64, patch_size=8, channels=64, layers=2, window=4)
VALUES: dict[str, Any] = {
    "dataset.frames": 12,
    "dataset.near": 0.0,
    "dataset.shares": {"train": 0.6, "validation": 0.4},
    "distil.student": {"trunk": "mobilenetv3_small_050", "image_size": [64, 96], "width": 8, "looks": 8},
    "distil.trunk_weights": None,
    "distil.phases": [],
    "distil.drift_frames": 4,
    "distil.schedule": {"steps": 3, "batch": 2, "learning_rate": 1.0e-2, "warmup": 1, "validate_every": 3},
}
run = CliRunner()


def arm(name: str) -> dict[str, Any]:
    said = load_params().ablation
    assert said is not None
    (found,) = [one.set for one in said.arms if one.name == name]
    return found


def learn(*arguments: object) -> dict[str, Any]:
    done = run.invoke(app, ["learn", *(str(a) for a in arguments), "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_trunk_and_pyramid_are_given_and_the_heads_alone_learn(
    small_farms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HERDBOOK_HOME", str(tmp_path / "home"))
    get_settings.cache_clear()
    params = override(load_params(profile="pocket"), VALUES | arm("transplant"))
    assert params.chosen.distil.transplant
    file = tmp_path / "params.yaml"
    file.write_text(yaml.safe_dump(params.model_dump(mode="json")))
    given = ("--params", file)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        Teacher.small(TINY).save(tmp_path / "teacher")
    learn("dataset", tmp_path / "data", "--farm", small_farms, "--truth", "simulator", small_farms, *given)
    learn("targets", tmp_path / "data", tmp_path / "t.parquet", "--teacher", tmp_path / "teacher", *given)
    told = ("distil", tmp_path / "data", tmp_path / "t.parquet", tmp_path / "out", "--teacher", tmp_path / "teacher")
    figures = learn(*told, *given)
    assert "int8_mask_iou" in figures, "it is exported while it learns, as any student"
    student = load_student(tmp_path / "out")
    torch.manual_seed(params.chosen.distil.schedule.seed)
    fresh = CompactStudent(compact_config(params.chosen.distil, student.config.postures)).state_dict()
    now = student.state_dict()
    assert all(torch.equal(now[name], fresh[name]) for name in now if name.startswith("trunk."))
    assert not torch.equal(now["pyramid.lateral.0.0.weight"], fresh["pyramid.lateral.0.0.weight"])
    assert torch.equal(now["pyramid.last.1.bias"], torch.full_like(now["pyramid.last.1.bias"], SEEN))
    assert any(not torch.equal(now[name], fresh[name]) for name in now if name.startswith("decoder."))
    other = ("targets", tmp_path / "other", tmp_path / "o.parquet", "--teacher", tmp_path / "teacher", *given)
    learn(
        "dataset", tmp_path / "other", "--farm", small_farms, "--truth", "simulator", small_farms, "--seed", 7, *given
    )
    learn(*other)
    with pytest.raises(InputError, match="lacks"):
        run.invoke(
            app,
            ["learn", *map(str, (*told[:2], tmp_path / "o.parquet", tmp_path / "no", *told[4:], *given))],
            catch_exceptions=False,
        )


def test_the_shipped_arms_are_what_they_are_called() -> None:
    """Whatever the profile's own losses are: an arm says all that its name promises."""
    params = load_params(pipeline_root() / "params.yaml", "pocket")
    losses = {
        name: override(params, arm(name)).chosen.distil.losses
        for name in ("logits-only", "features-only", "labels-only", "transplant")
    }
    assert losses["logits-only"].feature == 0
    assert min(losses["logits-only"].soft_bce, losses["logits-only"].soft_dice) > 0
    assert losses["features-only"].feature > 0
    for name in ("features-only", "labels-only", "transplant"):
        assert losses[name].soft_bce == losses[name].soft_dice == 0
    assert losses["labels-only"].feature == losses["transplant"].feature == 0
