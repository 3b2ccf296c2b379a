"""The student has the published size and shape, with any trunk, and takes weights only from files that cannot run
code."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from herdnet.errors import ShapeError, WeightsUnavailableError
from herdnet.pyramid import to_grid
from herdnet.student import Student, StudentConfig

SMALL = StudentConfig(trunk="mobilenetv4_conv_small", image_size=128, grid=9, channels=32, width=32)


def test_has_the_published_size_and_shape() -> None:
    with torch.device("meta"):
        student = Student().eval()
        features = student(torch.empty(2, 3, 1024, 1024))
    assert sum(p.numel() for p in student.parameters()) / 1e6 == pytest.approx(40.66, abs=0.05)
    assert tuple(features.shape) == (2, 1024, 72, 72)


@pytest.mark.parametrize("trunk", ["tiny_vit_5m_224", "efficientvit_b0", "mobilenetv4_conv_small"])
def test_any_trunk_gives_the_wanted_grid(trunk: str) -> None:
    with torch.device("meta"):
        student = Student(StudentConfig(trunk=trunk, image_size=256, grid=32, channels=192, width=64)).eval()
        assert tuple(student(torch.empty(1, 3, 256, 256)).shape) == (1, 192, 32, 32)
        assert len(student.levels) == 4


def test_every_parameter_learns() -> None:
    student = Student(SMALL)
    student(torch.rand(2, 3, 128, 128)).square().mean().backward()
    without = [name for name, parameter in student.named_parameters() if parameter.grad is None]
    assert not without


def test_another_image_size_is_refused() -> None:
    with pytest.raises(ShapeError, match="128x128"):
        Student(SMALL)(torch.rand(1, 3, 96, 128))


@pytest.mark.parametrize(("size", "grid"), [(256, 72), (128, 72), (64, 72), (32, 72), (64, 16), (16, 16)])
def test_to_the_grid_keeps_a_constant_and_the_direction_of_a_slope(size: int, grid: int) -> None:
    flat = to_grid(torch.full((1, 2, size, size), 3.0), (grid, grid))
    assert tuple(flat.shape) == (1, 2, grid, grid)
    torch.testing.assert_close(flat, torch.full_like(flat, 3.0))
    ramp = torch.linspace(-1, 1, size).expand(1, 1, size, size)
    along = to_grid(ramp, (grid, grid))[0, 0, 0]
    assert (along.diff() >= 0).all()
    assert along.mean() == pytest.approx(0, abs=1e-5)


def test_to_the_grid_skips_no_cell() -> None:
    # a single bright cell anywhere must still be seen: sampling without averaging would lose it
    for x in range(0, 256, 17):
        level = torch.zeros(1, 1, 256, 256)
        level[..., x, x] = 1
        assert to_grid(level, (72, 72)).sum() > 0


def test_trunk_weights_come_from_safetensors_only(tmp_path: Path) -> None:
    pickled = tmp_path / "trunk.pth"
    pickled.write_bytes(b"")
    for path in (pickled, tmp_path / "absent.safetensors"):
        with pytest.raises(WeightsUnavailableError):
            Student(SMALL, trunk_weights=path)


def test_trunk_weights_are_read(tmp_path: Path) -> None:
    import timm
    from safetensors.torch import save_file

    whole = timm.create_model(SMALL.trunk, pretrained=False)
    save_file(whole.state_dict(), tmp_path / "trunk.safetensors")
    student = Student(SMALL, trunk_weights=tmp_path / "trunk.safetensors")
    torch.testing.assert_close(student.trunk.conv_stem.weight, whole.conv_stem.weight)


def test_an_unknown_trunk_is_named() -> None:
    with pytest.raises(ShapeError, match="no_such_trunk"):
        Student(StudentConfig(trunk="no_such_trunk"))
