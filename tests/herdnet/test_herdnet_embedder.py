"""The embedder: published size, its small stand-in, crops that show one animal, and int8 that loses half a step."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from transformers import DINOv3ViTModel

from herdnet.contrastive import contrastive
from herdnet.crops import body_axes, masked_crops
from herdnet.embedder import Embedder, embed, small_config, vits16_config
from herdnet.errors import ShapeError, WeightsUnavailableError
from herdnet.quantise import quantise_embeddings


def test_the_full_size_is_the_published_one() -> None:
    with torch.device("meta"):
        embedder = Embedder(DINOv3ViTModel(vits16_config())).eval()
        found = embedder(torch.empty(2, 3, 224, 224))
    assert sum(p.numel() for p in embedder.parameters()) / 1e6 == pytest.approx(21.6, abs=0.05)
    assert tuple(found.shape) == (2, 384) == (2, embedder.dimensions)


def test_the_stand_in_is_of_the_same_class_and_small() -> None:
    torch.manual_seed(0)
    embedder = Embedder.small()
    assert isinstance(embedder.model, DINOv3ViTModel)
    assert sum(p.numel() for p in embedder.parameters()) < 0.8e6
    found = embed(embedder, torch.rand(5, 3, embedder.crop_size, embedder.crop_size), batch_size=2)
    assert tuple(found.shape) == (5, 128)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(5))
    assert embed(embedder, torch.zeros(0, 3, 64, 64)).shape == (0, 128)


def test_the_stand_in_learns_to_tell_animals_apart() -> None:
    torch.manual_seed(0)
    embedder = Embedder.small(small_config(32))
    who = torch.arange(4).repeat_interleave(3)
    coats = torch.rand(4, 3, 1, 1)[who]
    optimiser = torch.optim.AdamW(embedder.parameters(), lr=1e-3)
    losses = []
    for _ in range(30):
        crops = (coats * (0.9 + 0.2 * torch.rand(12, 1, 1, 1)) + 0.05 * torch.randn(12, 3, 32, 32)).clamp(0, 1)
        loss = contrastive(embedder(crops), who)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert min(losses[-5:]) < 0.5 * losses[0]


def test_weights_come_back_from_a_folder(tmp_path: Path) -> None:
    torch.manual_seed(0)
    one = Embedder.small()
    one.model.save_pretrained(tmp_path)
    again = Embedder.pretrained(tmp_path)
    crops = torch.rand(2, 3, 64, 64)
    torch.testing.assert_close(embed(again, crops), embed(one, crops))


def test_absent_weights_say_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(WeightsUnavailableError) as caught:
        Embedder.pretrained(tmp_path / "nowhere")
    assert "ask for access" in caught.value.remedy
    assert "Embedder.small" in caught.value.remedy
    (tmp_path / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(WeightsUnavailableError):
        Embedder.pretrained(tmp_path)


def scene(angle: float, *, clutter: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    """A body with a red front and a blue back, turned by an angle, on grey; perhaps a white animal beside it."""
    y, x = torch.meshgrid(torch.arange(96) - 47.5, torch.arange(128) - 63.5, indexing="ij")
    along, across = x * math.cos(angle) + y * math.sin(angle), -x * math.sin(angle) + y * math.cos(angle)
    mask = (along / 30) ** 2 + (across / 10) ** 2 <= 1
    image = torch.full((3, 96, 128), 0.4)
    if clutter:
        image[:, (across > 10) & (across < 20)] = 1.0
    image[:, mask & (along > 0)] = torch.tensor([0.9, 0.1, 0.1])[:, None]
    image[:, mask & (along <= 0)] = torch.tensor([0.1, 0.1, 0.9])[:, None]
    return image, mask.float()


@settings(max_examples=15)
@given(st.floats(-3.1, 3.1), st.booleans())
def test_a_turned_crop_looks_the_same_however_the_animal_lies(angle: float, clutter: bool) -> None:
    image, mask = scene(angle, clutter=clutter)
    heading = torch.tensor([[math.cos(angle), math.sin(angle)]])
    straight, straight_mask = scene(0.0)
    frame = torch.zeros(1, dtype=torch.long)
    crop = masked_crops(image[None], frame, mask[None], 48, heading)
    wanted = masked_crops(straight[None], frame, straight_mask[None], 48, torch.tensor([[1.0, 0.0]]))
    assert float((crop - wanted).abs().mean()) < 0.03
    assert float(crop[0, 0, 24, 36]) > 0.8  # the head, red, is right
    assert float(crop[0, 2, 24, 36]) < 0.2
    assert float(crop[0, :, 0].max()) == 0  # all else is black


def test_crops_take_masks_of_another_size_and_upright_squares() -> None:
    image, mask = scene(0.7)
    half = torch.nn.functional.avg_pool2d(mask[None, None], 2)[0]
    frame = torch.zeros(1, dtype=torch.long)
    whole = masked_crops(image[None], frame, mask[None], 32, turn=False)
    small = masked_crops(image[None], frame, half, 32, turn=False)
    assert float((whole - small).abs().mean()) < 0.05
    assert masked_crops(image[None], frame[:0], mask[None][:0], 32).shape == (0, 3, 32, 32)
    with pytest.raises(ShapeError):
        masked_crops(image[None], frame, mask[None].repeat(2, 1, 1), 32)


def test_the_body_axis_and_length_of_a_mask() -> None:
    _, mask = scene(0.5)
    centre, length, axis = body_axes(mask[None])
    torch.testing.assert_close(centre[0], torch.tensor([64.0, 48.0]), atol=0.2, rtol=0)
    assert float(length) == pytest.approx(60, rel=0.05)
    assert abs(float(axis[0] @ torch.tensor([math.cos(0.5), math.sin(0.5)]))) > 0.999
    assert body_axes(torch.zeros(1, 8, 8))[1].isfinite().all()


@given(hnp.arrays(np.float32, (3, 16), elements=st.floats(-4, 4, width=32)))
def test_int8_is_off_by_half_a_step_at_most(vectors: np.ndarray) -> None:
    stored = quantise_embeddings(vectors)
    assert stored.values.dtype == np.int8
    assert stored.values.min() >= -127
    error = np.abs(stored.restore() - vectors)
    assert (error <= stored.scales[:, None] * 0.5001 + 1e-30).all()


def test_int8_keeps_the_direction_of_embeddings() -> None:
    vectors = np.random.default_rng(0).normal(size=(200, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    back = quantise_embeddings(vectors).restore()
    cosine = (back * vectors).sum(1) / np.linalg.norm(back, axis=1)
    assert cosine.min() > 0.9999


def test_int8_follows_the_platforms_convention() -> None:
    platform = pytest.importorskip("herdbook.edge.perception.quantise")
    vector = np.random.default_rng(1).normal(size=64).astype(np.float32)
    values, scale = platform.quantise(vector)
    mine = quantise_embeddings(vector[None])
    np.testing.assert_array_equal(mine.values[0], values)
    assert mine.scales[0] == np.float32(scale)


def test_int8_of_nothing_and_of_nonsense() -> None:
    assert quantise_embeddings(np.zeros((1, 4), np.float32)).scales[0] == 1
    assert quantise_embeddings(np.zeros((0, 4), np.float32)).restore().shape == (0, 4)
    with pytest.raises(ShapeError):
        quantise_embeddings(np.full((1, 4), np.nan, np.float32))
