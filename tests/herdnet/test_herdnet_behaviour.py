"""The behaviour head: what it sees, that it learns rare behaviours, and that its probabilities become frequencies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from herdnet.behaviour import (
    UNKNOWN,
    BehaviourConfig,
    BehaviourHead,
    behaviour_loss,
    calibrate,
    fair_answers,
    fit_scales,
)
from herdnet.behaviour_features import Steps, feature_names, features
from herdnet.calibration import expected_calibration_error, fit_temperature
from herdnet.errors import ShapeError

NINE = ("sleeping", "lying", "sitting", "standing", "walking", "eating", "drinking", "investigating", "social")
POSTURES, PLACES = ("lying", "sitting", "standing"), ("trough", "drinker")
NAMES = feature_names(POSTURES, PLACES)


def steps(count: int = 40, speed: float = 0.5, step_s: float = 0.5) -> Steps:
    """A body of length 20 that walks to the right at `speed` body lengths per second."""
    at = np.arange(count) * step_s
    return Steps(
        step_s,
        np.ones(count, bool),
        np.column_stack([20 * speed * at, np.full(count, 5.0)]),
        np.zeros(count),
        np.full(count, 20.0),
        np.full(count, 8.0),
        np.tile([0.1, 0.2, 0.7], (count, 1)),
        np.full(count, 30.0),
        np.full(count, np.inf),
        places={"trough": np.full(count, 0.0)},
    )


def column(table: np.ndarray, name: str) -> np.ndarray:
    return table[:, NAMES.index(name)]


def test_features_are_in_body_lengths_and_seconds() -> None:
    table = features(steps(speed=0.49), PLACES)
    assert table.shape == (40, len(NAMES))
    for span in ("1s", "4s", "12s"):
        np.testing.assert_allclose(column(table, f"speed_{span}"), np.sqrt(0.49), rtol=1e-4)
    np.testing.assert_allclose(column(table, "place_trough"), 1)
    np.testing.assert_allclose(column(table, "place_drinker"), 0)
    np.testing.assert_allclose(column(table, "neighbour"), np.exp(-1.5), rtol=1e-5)
    np.testing.assert_allclose(column(table, "elongation"), np.log(2.5), rtol=1e-5)
    np.testing.assert_allclose(column(table, "posture_standing"), 0.7, rtol=1e-5)


def test_features_do_not_change_with_the_cameras_scale() -> None:
    one = steps()
    twice = replace(
        one,
        middle=one.middle * 2,
        length=one.length * 2,
        width=one.width * 2,
        neighbour=one.neighbour * 2,
        head_contact=one.head_contact * 2,
    )
    np.testing.assert_allclose(features(one, PLACES), features(twice, PLACES), rtol=1e-5)


def test_swapping_head_and_tail_is_no_turn() -> None:
    one = steps()
    flipped = replace(one, axis=np.where(np.arange(40) % 3 == 0, np.pi, 0.0))
    np.testing.assert_allclose(features(flipped, PLACES), features(one, PLACES), atol=1e-4)


def test_missing_steps_are_zero_and_bridged() -> None:
    one = steps()
    seen = np.ones(40, bool)
    seen[10:14] = False
    middle = one.middle.copy()
    middle[10:14] = np.nan
    table = features(replace(one, seen=seen, middle=middle), PLACES)
    assert np.isfinite(table).all()
    assert (table[10:14] == 0).all()
    np.testing.assert_allclose(column(table, "speed_1s")[14], np.sqrt(0.5), rtol=1e-3)
    assert (features(replace(one, seen=np.zeros(40, bool)), PLACES) == 0).all()
    assert features(replace(one, seen=np.zeros(40, bool)), PLACES).shape == (40, len(NAMES))
    with pytest.raises(ShapeError):
        replace(one, length=np.zeros(3))


def config(dimensions: int = 0) -> BehaviourConfig:
    return BehaviourConfig(NINE, NAMES, dimensions)


def test_the_head_is_small_and_answers_every_step() -> None:
    head = BehaviourHead(config(384))
    assert sum(p.numel() for p in head.parameters()) < 0.3e6
    present = torch.ones(2, 50, dtype=torch.bool)
    present[1, 20:] = False
    found = head.probabilities(torch.randn(2, 50, len(NAMES)), present, torch.randn(2, 50, 384))
    assert tuple(found.shape) == (2, 50, 9)
    torch.testing.assert_close(found.sum(-1), torch.ones(2, 50))


def test_what_lies_in_absent_steps_does_not_matter() -> None:
    torch.manual_seed(0)
    head = BehaviourHead(config(8)).eval()
    present = torch.ones(1, 30, dtype=torch.bool)
    present[0, 10:20] = False
    x, e = torch.randn(1, 30, len(NAMES)), torch.randn(1, 30, 8)
    other_x, other_e = x.clone(), e.clone()
    other_x[0, 10:20], other_e[0, 10:20] = 99.0, -99.0
    torch.testing.assert_close(head(x, present, e), head(other_x, present, other_e))


def test_who_the_animal_is_does_not_say_what_it_does() -> None:
    torch.manual_seed(0)
    head = BehaviourHead(config(8)).eval()
    x, present, e = torch.randn(1, 30, len(NAMES)), torch.ones(1, 30, dtype=torch.bool), torch.randn(1, 30, 8)
    torch.testing.assert_close(head(x, present, e + torch.randn(8)), head(x, present, e), atol=1e-5, rtol=1e-4)


def test_shapes_that_do_not_fit_are_refused() -> None:
    head, present = BehaviourHead(config(8)), torch.ones(1, 5, dtype=torch.bool)
    with pytest.raises(ShapeError, match="features"):
        head(torch.randn(1, 5, 3), present)
    with pytest.raises(ShapeError, match="embeddings"):
        head(torch.randn(1, 5, len(NAMES)), present)
    with pytest.raises(ShapeError):
        BehaviourConfig(("one",), NAMES)


def windows(count: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Two behaviours, 19 : 1, in bouts of 10 steps, told apart by a noisy feature."""
    rare = (torch.rand(count, 6, generator=generator) < 0.05).repeat_interleave(10, 1)
    x = torch.randn(count, 60, 3, generator=generator)
    x[..., 0] += 1.2 * rare
    return x, torch.ones(count, 60, dtype=torch.bool), rare.long()


def test_rare_behaviours_are_found_and_probabilities_become_frequencies() -> None:
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    head = BehaviourHead(BehaviourConfig(("often", "rare"), ("a", "b", "c"), width=16, dilations=(1, 2, 4)))
    x, present, labels = windows(64, generator)
    fit_scales(head, x, present, labels)
    assert float(head.prior[1]) == pytest.approx(0.05, abs=0.03)
    optimiser = torch.optim.AdamW(head.parameters(), lr=1e-2)
    for _ in range(40):
        loss = behaviour_loss(head(x, present), labels, present, head.prior)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    x, present, labels = windows(64, generator)
    head.eval()
    with torch.no_grad():
        calibrate(head, head(x, present).flatten(0, 1), labels.flatten())
    x, present, labels = windows(64, generator)
    found, rare = head.probabilities(x, present), labels == 1
    assert expected_calibration_error(found.flatten(0, 1), labels.flatten()) < 0.03
    plain = (found.argmax(-1)[rare] == 1).float().mean()
    fair = (fair_answers(found, head.prior, 1.0)[rare] == 1).float().mean()
    assert fair > plain
    assert fair > 0.8


def test_unlabelled_and_absent_steps_cost_nothing() -> None:
    logits = torch.randn(1, 4, 2, requires_grad=True)
    prior = torch.tensor([0.5, 0.5])
    none = behaviour_loss(logits, torch.full((1, 4), UNKNOWN), torch.ones(1, 4, dtype=torch.bool), prior)
    assert float(none.detach()) == 0
    none.backward()
    absent = behaviour_loss(logits, torch.zeros(1, 4, dtype=torch.long), torch.zeros(1, 4, dtype=torch.bool), prior)
    assert float(absent.detach()) == 0


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_the_temperature_that_was_hidden_is_found(temperature: float) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(20_000, 4, generator=generator) * 2
    labels = torch.multinomial(torch.softmax(logits, 1), 1, generator=generator).squeeze(1)
    assert fit_temperature(logits * temperature, labels) == pytest.approx(temperature, rel=0.03)
    assert expected_calibration_error(torch.softmax(logits, 1), labels) < 0.02
    if temperature != 1:
        assert expected_calibration_error(torch.softmax(logits * temperature, 1), labels) > 0.05


def test_calibration_error_by_hand() -> None:
    sure = torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4]])
    labels = torch.tensor([0, 1, 0, UNKNOWN])
    # bin of 0.9: sure 0.9, right 0.5, two of three; bin of 0.6: sure 0.6, right 1, one of three
    assert expected_calibration_error(sure, labels) == pytest.approx((2 * 0.4 + 1 * 0.4) / 3, abs=1e-6)
    with pytest.raises(ShapeError):
        fit_temperature(torch.zeros(2, 2), torch.tensor([UNKNOWN, UNKNOWN]))
