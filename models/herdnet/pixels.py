"""Images as the networks take them: float RGB in 0..1, [B, 3, H, W]. Each network standardises for itself."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from herdnet.errors import ShapeError


class Standardise(nn.Module):
    """(x - mean) / std per channel; the constants travel with the network, so an export carries them too."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(list(mean)).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(list(std)).view(1, -1, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """[B, 3, H, W] in 0..1 → standardised, the same shape."""
        return (images - self.mean) / self.std

    def undo(self, pixels: Tensor) -> Tensor:
        """Standardised [B, 3, H, W] → 0..1."""
        return pixels * self.std + self.mean


def resize(images: Tensor, size: tuple[int, int]) -> Tensor:
    """[B, C, H, W] → [B, C, *size]: bilinear, antialiased when shrinking, as SAM 3's processor does it."""
    if tuple(images.shape[-2:]) == size:
        return images
    return functional.interpolate(images, size=size, mode="bilinear", align_corners=False, antialias=True)


def check_images(images: Tensor, size: tuple[int, int] | None = None) -> None:
    """Raises ShapeError unless `images` is a batch of RGB images (of that size)."""
    if images.ndim != 4 or images.shape[1] != 3:
        raise ShapeError(f"images must be [B, 3, H, W], not {list(images.shape)}")
    if size is not None and tuple(images.shape[-2:]) != size:
        raise ShapeError(
            f"images must be {size[0]}x{size[1]} pixels, not {images.shape[-2]}x{images.shape[-1]}",
            "Resize them first: herdnet.pixels.resize.",
        )
