"""SAM 3's tracker as ONNX graphs: over a stream of frames it says what torch says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from herdnet.errors import ExportError, PromptError, ShapeError
from herdnet.prompts import Prompts, masks_from_features
from herdnet.sam3_config import SmallTeacher, build_tracker, small_config
from herdnet.sam3_export import export_system, rules_of
from herdnet.sam3_init import draw_to_learn
from herdnet.sam3_rules import Rules, read_rules
from herdnet.sam3_runner import ROLES, Asked, Sam3Runner, bfloat16
from herdnet.session import ObjectPrompt, Stream
from herdnet.student import Student, StudentConfig
from herdnet.substitute import substitute

TINY = SmallTeacher(image_size=64, patch_size=8, channels=64, layers=2, window=2)
FRAMES = 30
MASKS, SCORES = 2e-3, 1e-4
"""How far ONNX Runtime may be from torch: mask logits as a share of their spread (at least 1), and scores."""


def drawn(**changes: Any) -> Any:
    """A tracker of SAM 3's classes with a student in the backbone's place, random, with every parameter alive."""
    torch.manual_seed(0)
    config = small_config(TINY)
    for name, value in changes.items():
        setattr(config, name, value)
    tracker = build_tracker(config)
    draw_to_learn(tracker)
    with torch.no_grad():
        for name, parameter in tracker.named_parameters():
            if not parameter.abs().any() and "bias" not in name:  # what a checkpoint fills begins as zeros
                parameter.normal_(std=0.5)
    student = Student(
        StudentConfig("mobilenetv3_small_050", image_size=64, grid=TINY.grid, channels=TINY.channels, width=16)
    )
    return substitute(tracker, student).eval()


@pytest.fixture(scope="module")
def system() -> Any:
    return drawn()


@pytest.fixture(scope="module")
def graphs(system: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sam3")
    assert set(export_system(system, folder)) == set(ROLES)
    return folder


def pictures(count: int = FRAMES) -> torch.Tensor:
    """Patches of colour that move, [count, 3, 64, 64]."""
    generator = torch.Generator().manual_seed(3)
    frames = torch.rand(1, 3, 8, 8, generator=generator).repeat_interleave(8, 2).repeat_interleave(8, 3)
    return torch.stack([frames[0].roll((t, 2 * t), (1, 2)) for t in range(count)]) * 0.9


BUSY = {
    1: [ObjectPrompt(10, points=[(16, 16)]), ObjectPrompt(11, box=(30, 30, 56, 50))],
    5: [ObjectPrompt(12, points=[(40, 12), (5, 60)], labels=[1, 0])],  # added mid-stream
    9: [ObjectPrompt(10, points=[(18, 18), (40, 6)], labels=[1, 0])],  # corrected
    20: [ObjectPrompt(13, points=[(50, 50)])],  # added when the first outputs are gone
    22: [ObjectPrompt(10, points=[(18, 18)])],
    23: [ObjectPrompt(10, points=[(20, 18)])],
    24: [ObjectPrompt(10, points=[(22, 18)])],
    25: [ObjectPrompt(10, points=[(24, 18)])],  # more prompted frames than the tracker attends to
}


def asked(prompt: ObjectPrompt) -> Asked:
    corners = [] if prompt.box is None else [prompt.box[:2], prompt.box[2:]]
    labels = [2, 3][: len(corners)] + list(prompt.labels or [1] * len(prompt.points))
    return Asked(prompt.object_id, [*corners, *prompt.points], labels)


def assert_streams_agree(system: Any, runner: Sam3Runner, prompts: dict[int, list[ObjectPrompt]]) -> int:
    stream, present = Stream(system), 0
    for t, image in enumerate(pictures()):
        wanted = stream.step(image, prompts.get(t, []))
        found = runner.step(image.numpy(), [asked(prompt) for prompt in prompts.get(t, [])])
        assert found.object_ids == wanted.object_ids
        if not wanted.object_ids:
            continue
        assert np.abs(found.scores - wanted.scores.numpy()).max() < SCORES, f"scores in frame {t}"
        spread = max(1.0, float(wanted.logits[wanted.logits > -1000].std())) if (wanted.logits > -1000).any() else 1.0
        off = np.abs(found.logits - wanted.logits.numpy()).max()
        assert off < MASKS * spread, f"masks in frame {t}: {off} of {spread}"
        present += int((wanted.scores > 0.5).sum())
    return present


@pytest.mark.slow
def test_thirty_streamed_frames_are_what_torch_says(system: Any, graphs: Path) -> None:
    runner = Sam3Runner.open(graphs)
    assert assert_streams_agree(system, runner, BUSY) > 0
    kept = [len(past.tracked) for past in runner._objects.values()]
    assert max(kept) <= system.config.max_object_pointers_in_encoder - 1  # memory does not grow


@pytest.mark.slow
def test_asked_everywhere_without_memory_it_says_what_torch_says(system: Any, graphs: Path) -> None:
    runner, image = Sam3Runner.open(graphs), pictures(1)
    points = torch.rand(7, 2, generator=torch.Generator().manual_seed(1)) * 64
    seen = runner.look(image[0].numpy())
    logits, scores = runner.ask(seen, points.numpy())
    with torch.no_grad():
        features = torch.from_numpy(seen["features"])
        best, score = masks_from_features(system, features, Prompts(points[None, :, None])).best()
    assert np.abs(logits - best[0].numpy()).max() < MASKS * max(1.0, float(best.std()))
    assert np.abs(scores - score[0].numpy()).max() < SCORES
    assert len(runner.ask(seen, points[:1].numpy())[1]) == 1  # one point is no special case


@pytest.mark.slow
def test_the_graphs_are_files_of_their_own_and_tell_nothing_of_this_machine(system: Any, graphs: Path) -> None:
    assert {path.name for path in graphs.iterdir()} == {"sam3.json", *(f"{role}.onnx" for role in ROLES)}
    for role in ROLES:
        content = (graphs / f"{role}.onnx").read_bytes()
        assert str(Path.cwd()).encode() not in content
        assert b"site-packages" not in content
    assert read_rules(graphs) == rules_of(system)


# -- without graphs ---------------------------------------------------------------------------------------------------

RULES = Rules(64, 64, 7, 16, 4, several=True, several_tracked=True, several_points=(0, 1), no_memory=(0.0,))


def test_three_candidates_are_asked_for_where_points_are_few() -> None:
    assert RULES.asks_several(1, prompted=True)
    assert not RULES.asks_several(2, prompted=True)  # a box
    assert RULES.asks_several(0, prompted=False)
    assert not replace(RULES, several_tracked=False).asks_several(0, prompted=False)
    assert not replace(RULES, several=False).asks_several(1, prompted=True)


def test_memory_is_rounded_as_torch_rounds_it() -> None:
    values = np.random.default_rng(0).standard_normal(1000).astype(np.float32) * 100
    wanted = torch.from_numpy(values).to(torch.bfloat16).float().numpy()
    assert np.array_equal(bfloat16(values), wanted)


def test_what_cannot_be_run_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"sam3\.json"):
        read_rules(tmp_path)
    with pytest.raises(ShapeError, match="a graph for decoder"):
        Sam3Runner(RULES, {"encoder": dict, "memory-attention": dict, "memory-encoder": dict})
    with pytest.raises(PromptError, match="object 3"):
        Asked(3, [])
    runner = Sam3Runner(RULES, dict.fromkeys(ROLES, dict))
    with pytest.raises(ShapeError, match=r"\[3, 64, 64\]"):
        runner.look(np.zeros((3, 32, 32), np.float32))
    assert runner.step(np.zeros((3, 64, 64), np.float32)).object_ids == []
