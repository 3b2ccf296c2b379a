"""Weights to learn from: tokens can be told apart, and a point looks where it is, before anything is learned."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from herdnet.prompts import Prompts, decode, neck
from herdnet.sam3 import Teacher
from herdnet.sam3_config import SmallTeacher, build_tracker, small_config, vision
from herdnet.sam3_init import draw_to_learn

SIZE = SmallTeacher(image_size=128, patch_size=8, channels=64, layers=2, window=4)


def nearness(teacher: Teacher, point: tuple[float, float]) -> float:
    """The share of a point's first attention to the image that lies in the nine cells around it."""
    seen: list[Tensor] = []
    attention = teacher.tracker.mask_decoder.transformer.layers[0].cross_attn_token_to_image
    assert isinstance(attention, nn.Module)

    def look(module: nn.Module, _: object, given: dict[str, Tensor]) -> None:
        heads = module.get_submodule("q_proj")(given["query"]), module.get_submodule("k_proj")(given["key"])
        query, key = (x.flatten(0, 1).unflatten(-1, (4, 16)).transpose(1, 2) for x in heads)
        seen.append((query @ key.transpose(-1, -2) / 4).softmax(-1))

    hook = attention.register_forward_pre_hook(look, with_kwargs=True)
    with torch.no_grad():
        maps = neck(teacher.tracker, teacher.features(torch.rand(1, 3, 128, 128)))
        decode(teacher.tracker, maps, Prompts(torch.tensor(point).view(1, 1, 1, 2)))
    hook.remove()
    x, y = (int(value) // 8 for value in point)
    by_token = seen[0].mean(1)[0].unflatten(-1, (16, 16))[:, y - 1 : y + 2, x - 1 : x + 2].sum((1, 2))
    return float(by_token.max())


def test_a_point_looks_where_it_is() -> None:
    torch.manual_seed(0)
    by_chance = 9 / 256
    points = [(x, y) for x in (28.0, 60.0, 92.0) for y in (28.0, 60.0, 92.0)]
    drawn, plain = Teacher.small(SIZE).eval(), Teacher(build_tracker(small_config(SIZE))).eval()
    assert sum(nearness(plain, point) for point in points) / 9 < 1.5 * by_chance
    assert sum(nearness(drawn, point) for point in points) / 9 > 4 * by_chance


def test_tokens_are_apart_and_the_backbone_stays_as_it_was() -> None:
    tracker = build_tracker(small_config(SIZE))
    before = {name: value.clone() for name, value in vision(tracker).backbone.state_dict().items()}
    assert float(tracker.mask_decoder.mask_tokens.weight.detach().std()) < 0.05
    draw_to_learn(tracker)
    assert float(tracker.mask_decoder.mask_tokens.weight.detach().std()) == pytest.approx(1, abs=0.15)
    after = vision(tracker).backbone.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_an_unsure_answer_is_the_one_mask_that_is_trained() -> None:
    """In evaluation the class would otherwise answer with alternatives, which small teachers do not learn."""
    torch.manual_seed(1)
    teacher = Teacher.small(SIZE)
    image, prompts = torch.rand(1, 3, 128, 128), Prompts(torch.tensor([[[[50.0, 50.0]]]]))
    with torch.no_grad():
        learning = teacher.train().masks(image, prompts).logits
        asked = teacher.eval().masks(image, prompts).logits
    torch.testing.assert_close(learning, asked)
