"""The compact student: shapes, fixed proposals, and a decoder that any point prompts."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from herdnet.compact import ORIN, POCKET, CompactConfig, CompactStudent, count, read, resized
from herdnet.compact_heads import PointDecoder, at_cells, peaks
from herdnet.errors import ShapeError, WeightsUnavailableError

SMALL = replace(POCKET, image_size=(96, 128), proposals=5)


@pytest.fixture(scope="module")
def student() -> CompactStudent:
    torch.manual_seed(0)
    return CompactStudent(SMALL)


def test_one_forward_pass_gives_instances_and_embeddings(student: CompactStudent) -> None:
    found = read(student, torch.rand(2, 3, 96, 128))
    assert tuple(found.scores.shape) == (2, 5)
    assert tuple(found.points.shape) == (2, 5, 2)
    assert tuple(found.masks.shape) == (2, 5, 48, 64)
    assert tuple(found.postures.shape) == (2, 5, 3)
    assert tuple(found.headings.shape) == (2, 5, 2)
    torch.testing.assert_close(found.embeddings.norm(dim=-1), torch.ones(2, 5))
    assert ((found.scores > 0) & (found.scores < 1)).all()
    assert student.training  # reading leaves the mode alone


@pytest.mark.parametrize("trunk", ["tiny_vit_5m_224", "efficientvit_b0", "mobilenetv4_conv_small_050"])
@pytest.mark.parametrize("stride", [4, 8])
def test_any_trunk_at_either_stride(trunk: str, stride: int) -> None:
    config = replace(SMALL, trunk=trunk, stride=stride)
    with torch.device("meta"):
        student = CompactStudent(config).eval()
        masks = student(torch.empty(1, 3, 96, 128)).masks
    assert tuple(masks.shape[2:]) == config.mask_size == (96 * 2 // stride, 128 * 2 // stride)


def test_sizes_stay_what_the_profiles_promise() -> None:
    with torch.device("meta"):
        assert 5.0e6 < count(CompactStudent(ORIN)) < 5.6e6
        assert count(CompactStudent(POCKET)) < 3.1e6


def test_a_prompt_from_outside_means_the_same_as_a_proposal(student: CompactStudent) -> None:
    student.eval()
    images = torch.rand(1, 3, 96, 128)
    with torch.no_grad():
        found = student(images)
        again = student.prompt(student.dense(images), found.points)
    torch.testing.assert_close(again.masks, found.masks)
    torch.testing.assert_close(again.embeddings, found.embeddings)


def test_points_outside_the_picture_are_moved_to_its_edge(student: CompactStudent) -> None:
    with torch.no_grad():
        dense = student.dense(torch.rand(1, 3, 96, 128))
        found = student.prompt(dense, torch.tensor([[[-50.0, 9999.0]]]))
    assert found.masks.isfinite().all()


def test_each_point_has_a_mask_of_its_own() -> None:
    # the ellipse alone: with all else 0, the mask is a hill around its own point
    decoder = PointDecoder(width=8, pixels=4, looks=8, dimensions=4, postures=2).eval()
    last = decoder.filters[-1]
    assert isinstance(last, torch.nn.Linear)
    for parameter in last.parameters():
        torch.nn.init.zeros_(parameter)
    with torch.no_grad():
        last.bias[12:] = torch.tensor([1.0, 0.0, 0.0, -4.0, 0.0, -4.0])
        points = torch.tensor([[[10.0, 20.0], [50.0, 8.0]]])
        found = decoder(torch.rand(1, 8, 8, 16), torch.rand(1, 3, 8, 16), points, 4, 16.0)
    for mask, (x, y) in zip(found.masks[0], points[0], strict=True):
        row, column = divmod(int(mask.argmax()), mask.shape[1])
        assert (column + 0.5) * 2 == pytest.approx(float(x), abs=1.01)
        assert (row + 0.5) * 2 == pytest.approx(float(y), abs=1.01)
        far = ((torch.arange(32) + 0.5) * 2 - x).view(1, -1) ** 2 + ((torch.arange(16) + 0.5) * 2 - y).view(-1, 1) ** 2
        torch.testing.assert_close(mask, 1 - 4 * far / 256, atol=1e-4, rtol=1e-4)


def test_peaks_are_local_maxima_best_first() -> None:
    heat = torch.full((1, 1, 6, 8), -5.0)
    heat[0, 0, 1, 2], heat[0, 0, 1, 3], heat[0, 0, 4, 6] = 2.0, 1.0, 3.0
    scores, cells = peaks(heat, 2)
    assert cells[0].tolist() == [[6, 4], [2, 1]]  # not (3, 1): its neighbour is higher
    torch.testing.assert_close(scores[0], torch.tensor([3.0, 2.0]).sigmoid())


def test_fewer_maxima_than_proposals_leave_scores_near_zero() -> None:
    scores, _ = peaks(torch.arange(48.0).view(1, 1, 6, 8), 4)
    assert scores[0, 0] > 0.99
    assert (scores[0, 1:] < 1e-6).all()


def test_gathering_reads_x_then_y() -> None:
    features = torch.arange(24.0).view(1, 1, 4, 6)
    assert at_cells(features, torch.tensor([[[5, 1]]])).item() == 1 * 6 + 5


def test_weights_serve_pictures_of_another_size(student: CompactStudent) -> None:
    other = CompactStudent(resized(SMALL, 64, 64))
    other.load_state_dict(student.state_dict())
    assert tuple(read(other, torch.rand(1, 3, 64, 64)).masks.shape[2:]) == (32, 32)


def test_what_cannot_be_built_is_refused(student: CompactStudent, tmp_path_factory: pytest.TempPathFactory) -> None:
    for wrong in ({"stride": 16}, {"image_size": (100, 128)}, {"proposals": 0}):
        with pytest.raises(ShapeError):
            CompactConfig(**wrong)  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match="128"):
        student(torch.rand(1, 3, 64, 64))
    with pytest.raises(ShapeError, match="stride 4"):
        CompactStudent(replace(SMALL, trunk="efficientvit_m0"))
    with pytest.raises(WeightsUnavailableError):
        CompactStudent(SMALL, trunk_weights=tmp_path_factory.mktemp("w") / "absent.safetensors")
