"""Training the compact student: targets from what is visible, losses that see what they should, and learning."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from herdnet import compact_losses as losses
from herdnet.compact import POCKET, CompactStudent
from herdnet.compact_batch import UNKNOWN, Batch, boxes_of
from herdnet.compact_step import DISTIL, LOGITS_ONLY, CompactWeights, FeatureAdapter, compact_step
from herdnet.compact_targets import any_point, covering, heat, middles
from herdnet.contrastive import contrastive
from herdnet.errors import NonFiniteLossError, ShapeError

CONFIG = replace(POCKET, image_size=(64, 96), width=16, looks=16, proposals=8)


def bars(frames: int = 2, seed: int = 0) -> Batch:
    """Frames with a light and a dark bar each, side by side."""
    images = torch.rand(frames, 3, 64, 96, generator=torch.Generator().manual_seed(seed)) * 0.1 + 0.4
    masks = torch.zeros(2 * frames, 64, 96)
    for b in range(frames):
        for k, (top, grey) in enumerate(((16, 0.9), (32, 0.1))):
            masks[2 * b + k, top : top + 14, 20:70] = 1
            images[b, :, top : top + 14, 20:70] = grey
    animals = 2 * frames
    return Batch(
        images,
        torch.arange(frames).repeat_interleave(2),
        masks,
        torch.tensor([7, 9] * frames),
        torch.tensor([0, 2] * frames),
        torch.tensor([[1.0, 0.0]]).repeat(animals, 1),
    )


def empty(frames: int = 2) -> Batch:
    none = torch.zeros(0, dtype=torch.long)
    return Batch(torch.rand(frames, 3, 64, 96), none, torch.zeros(0, 64, 96), none, none, torch.zeros(0, 2))


def test_a_step_names_every_loss_and_reaches_every_parameter() -> None:
    torch.manual_seed(0)
    model = CompactStudent(CONFIG)
    terms = compact_step(model, bars(), CompactWeights())
    assert set(terms) == {"centre", "bce", "dice", "embedding", "posture", "heading", "quality", "total"}
    terms["total"].backward()
    assert not [name for name, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()]


def test_the_total_is_the_weighted_sum() -> None:
    torch.manual_seed(0)
    weights = CompactWeights(centre=2.0, bce=0.5, heading=0.0)
    terms = compact_step(CompactStudent(CONFIG), bars(), weights)
    wanted = sum(getattr(weights, name) * float(term.detach()) for name, term in terms.items() if name != "total")
    assert float(terms["total"].detach()) == pytest.approx(wanted, rel=1e-5)


def test_frames_without_animals_are_learned_from_too() -> None:
    model = CompactStudent(CONFIG)
    terms = compact_step(model, empty(), CompactWeights())
    assert float(terms["centre"].detach()) > 0
    terms["total"].backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())
    assert float(terms["dice"].detach()) == 0


def test_what_is_unknown_takes_no_part() -> None:
    torch.manual_seed(0)
    known = bars()
    unknown = replace(
        known,
        identities=torch.full_like(known.identities, UNKNOWN),
        postures=torch.full_like(known.postures, UNKNOWN),
        headings=torch.full_like(known.headings, float("nan")),
    )
    terms = compact_step(CompactStudent(CONFIG), unknown, CompactWeights())
    assert [float(terms[name].detach()) for name in ("embedding", "posture", "heading")] == [0, 0, 0]


def test_a_loss_that_is_not_finite_is_named() -> None:
    batch = bars()
    batch.images[0, 0, 0, 0] = float("nan")
    with pytest.raises(NonFiniteLossError, match="centre"):
        compact_step(CompactStudent(CONFIG), batch, CompactWeights())


def test_distillation_uses_features_and_logits_and_the_baseline_only_logits() -> None:
    torch.manual_seed(0)
    model, adapter = CompactStudent(CONFIG), FeatureAdapter(16, 12)
    batch = replace(bars(), teacher_features=torch.randn(2, 12, 8, 12), teacher_masks=torch.randn(4, 32, 48))
    terms = compact_step(model, batch, DISTIL, adapter)
    assert {"feature", "soft_bce", "soft_dice"} <= set(terms)
    terms["total"].backward()
    assert adapter.weight.grad is not None
    assert "feature" not in compact_step(model, batch, LOGITS_ONLY, adapter)


def test_ignored_places_are_not_learned_from() -> None:
    logits = torch.randn(1, 1, 8, 8)
    weight = torch.ones_like(logits)
    weight[..., :4] = 0
    target = torch.zeros_like(logits)
    other = logits.clone()
    other[..., :4] += 5
    torch.testing.assert_close(losses.centre_focal(logits, target, weight), losses.centre_focal(other, target, weight))


def test_masks_in_ignored_places_are_not_judged() -> None:
    torch.manual_seed(0)
    model, batch = CompactStudent(CONFIG), bars()
    everywhere = replace(batch, ignore=torch.ones(len(batch.images), *CONFIG.mask_size))
    nowhere = replace(batch, ignore=torch.zeros(len(batch.images), *CONFIG.mask_size))
    told = {}
    for name, one in (("plain", batch), ("nowhere", nowhere), ("everywhere", everywhere)):
        terms = compact_step(model, one, CompactWeights(), generator=torch.Generator().manual_seed(1))
        told[name] = terms["quality"].item()
    assert told["everywhere"] == 0
    assert told["nowhere"] == pytest.approx(told["plain"], rel=1e-4)
    assert told["plain"] > 0.1


def test_a_few_steps_learn_a_frame() -> None:
    torch.manual_seed(0)
    model, batch = CompactStudent(CONFIG), bars()
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(0)
    history = []
    for _ in range(40):
        terms = compact_step(model, batch, CompactWeights(), generator=generator)
        optimiser.zero_grad()
        terms["total"].backward()
        optimiser.step()
        history.append(float(terms["total"].detach()))
    assert history[-1] < 0.4 * history[0]
    assert float(terms["dice"].detach()) < 0.3


def test_steps_repeat_exactly_from_the_same_seeds() -> None:
    def once() -> float:
        torch.manual_seed(0)
        model = CompactStudent(CONFIG)
        terms = compact_step(model, bars(), CompactWeights(), generator=torch.Generator().manual_seed(1))
        return float(terms["total"].detach())

    assert once() == once()


def test_the_middle_of_an_animal_lies_on_it_even_when_another_hides_its_centroid() -> None:
    masks = torch.zeros(2, 20, 30)
    masks[0, 8:12, 2:10] = 1
    masks[0, 8:12, 20:28] = 1  # the same animal, seen on both sides of the other
    masks[1, 2:18, 11:19] = 1
    cells, seen = middles(masks)
    assert seen.all()
    for mask, (x, y) in zip(masks, cells, strict=True):
        assert mask[y, x] == 1
    assert not middles(torch.zeros(1, 20, 30))[1].any()


@settings(max_examples=25)
@given(st.integers(0, 15), st.integers(0, 23), st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**31))
def test_middles_and_random_points_lie_on_the_animal(x: int, y: int, width: int, height: int, seed: int) -> None:
    mask = torch.zeros(1, 32, 24)
    mask[0, y : y + height, x : x + width] = 1
    point = any_point(mask, torch.Generator().manual_seed(seed))
    for column, row in (middles(mask)[0][0].tolist(), point[0].tolist()):
        assert mask[0, row, column] == 1
    x0, y0, x1, y1 = boxes_of(mask)[0].tolist()
    assert (x0, y0, x1, y1) == (x, y, min(x + width, 24), min(y + height, 32))


def test_heat_is_one_at_the_middle_and_keeps_neighbours_apart() -> None:
    cover = torch.zeros(2, 16, 24)
    cover[0, 2:6, 2:14] = 1
    cover[1, 8:12, 2:14] = 1
    cells, seen = middles(cover)
    target = heat(cells, cover, torch.tensor([0, 0]), seen, 2)
    for x, y in cells:
        assert target[0, 0, y, x] == 1
    assert target[0, 0, 6:8].max() < 0.5
    assert target[1].max() == 0


@pytest.mark.parametrize("size", [(4, 6), (16, 24), (32, 48)])
def test_covering_keeps_the_share_of_the_frame(size: tuple[int, int]) -> None:
    mask = torch.zeros(1, 16, 24)
    mask[0, 4:12, 6:18] = 1
    assert float(covering(mask, size).mean()) == pytest.approx(float(mask.mean()), abs=0.02)


def test_perfect_masks_cost_nothing_and_wrong_ones_do() -> None:
    target = torch.zeros(1, 16, 16)
    target[0, 4:12, 4:12] = 1
    sure = (target * 2 - 1) * 20
    assert float(losses.mask_bce(sure, target)) < 1e-3
    assert float(losses.mask_dice(sure, target)) < 1e-3
    assert float(losses.mask_bce(-sure, target)) > 5
    assert float(losses.mask_dice(-sure, target)) > 0.9


@pytest.mark.parametrize("side", [1, 4, 12])
def test_balanced_nothing_at_all_costs_as_much_as_everything(side: int) -> None:
    target = torch.zeros(1, 16, 16)
    target[0, :side, :side] = 1
    nothing, everything = torch.full((1, 16, 16), -8.0), torch.full((1, 16, 16), 8.0)
    assert losses.balanced_bce(nothing, target) == pytest.approx(
        float(losses.balanced_bce(everything, target)), rel=1e-5
    )
    assert float(losses.balanced_bce((target * 2 - 1) * 20, target)) < 1e-3
    assert not losses.balanced_bce(torch.zeros(0, 4, 4), torch.zeros(0, 4, 4))


def test_soft_targets_are_met_by_the_teachers_own_logits() -> None:
    teacher = torch.randn(2, 8, 8)
    student = teacher.clone().requires_grad_()
    losses.balanced_bce(student, (teacher / 2).sigmoid(), temperature=2.0).backward()
    assert student.grad is not None
    assert float(student.grad.abs().max()) < 1e-6


def test_feature_direction_ignores_scale_and_aligns_sizes() -> None:
    teacher = torch.randn(1, 6, 4, 4)
    assert float(losses.feature_direction(3 * teacher, teacher)) == pytest.approx(0, abs=1e-5)
    assert float(losses.feature_direction(-teacher, teacher)) == pytest.approx(2, abs=1e-5)
    fine = teacher.repeat_interleave(3, 2).repeat_interleave(3, 3)
    assert float(losses.feature_direction(fine, teacher)) == pytest.approx(0, abs=1e-5)


def test_channels_are_mapped_after_averaging_to_the_same_effect() -> None:
    torch.manual_seed(0)
    adapter, fine, teacher = FeatureAdapter(5, 6), torch.randn(2, 5, 10, 14), torch.randn(2, 6, 6, 6)
    before = losses.averaged_down(adapter(fine), teacher)
    torch.testing.assert_close(adapter(losses.averaged_down(fine, teacher)), before)
    torch.testing.assert_close(losses.averaged_down(teacher, fine), teacher)


def test_quality_asks_whether_a_mask_fits_any_animal_of_the_frame() -> None:
    truth = torch.zeros(2, 8, 8)
    truth[0, :4, :4] = truth[1, 4:, 4:] = 1
    half = torch.zeros(8, 8)
    half[:4, :2] = 1  # IoU 0.5: as likely good as not
    masks = torch.stack([truth[1], half, torch.ones(8, 8) - truth.sum(0)]) * 20 - 10
    sure = torch.tensor([20.0, 0.0, -20.0])
    best = losses.quality_loss(sure, masks, truth)
    assert float(best) == pytest.approx(math.log(2) / 3, abs=1e-6)
    assert float(losses.quality_loss(-sure, masks, truth)) > 10
    assert float(losses.quality_loss(torch.tensor([-20.0]), masks[:1], truth[:0])) == pytest.approx(0, abs=1e-6)


def test_a_headings_length_learns_how_sure_it_is() -> None:
    vector = torch.zeros(1, 2, requires_grad=True)
    truth = torch.tensor([[-1.0, 0.0], [1, 0], [1, 0], [1, 0]])  # head and tail confused in one frame of four
    optimiser = torch.optim.SGD([vector], lr=0.1)
    for _ in range(100):
        optimiser.zero_grad()
        losses.heading_loss(vector.expand(4, 2), truth).backward()
        optimiser.step()
    assert float(vector.detach().norm()) == pytest.approx(0.5, abs=0.01)


def test_contrast_prefers_animals_that_are_told_apart() -> None:
    who = torch.tensor([0, 0, 1, 1])
    apart = torch.tensor([[1.0, 0], [1, 0], [0, 1], [0, 1]])
    assert float(contrastive(apart, who)) < 0.01
    assert float(contrastive(apart[[0, 2, 1, 3]], who)) > 5
    assert float(contrastive(apart, torch.tensor([0, 0, UNKNOWN, UNKNOWN]))) == 0
    assert float(contrastive(apart[:0], who[:0])) == 0


def test_a_look_alike_costs_more_when_hardness_rises() -> None:
    views = torch.nn.functional.normalize(
        torch.tensor([[1.0, 0, 0], [1.0, 0.1, 0], [0.9, 0.3, 0], [0, 0, 1.0], [0, 0, 1.0]]), dim=1
    )
    who = torch.tensor([0, 0, 1, 2, 2])
    assert float(contrastive(views, who, hardness=1.0)) > float(contrastive(views, who, hardness=0.0))


def test_batches_that_contradict_themselves_are_refused() -> None:
    with pytest.raises(ShapeError, match="identities"):
        replace(bars(), identities=torch.zeros(3, dtype=torch.long))
    with pytest.raises(ShapeError, match="frame"):
        replace(bars(), frame=torch.tensor([0, 0, 1, 5]))
