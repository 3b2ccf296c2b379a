"""The student: a small trunk and a pyramid that speak the teacher's language, so that its decoder need not notice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
from torch import Tensor, nn

from herdnet.errors import ShapeError, WeightsUnavailableError
from herdnet.pixels import Standardise, check_images
from herdnet.pretrained import INSTALLED, installed_weights
from herdnet.pyramid import Pyramid

FINEST_STRIDE = 4
"""Trunk levels finer than this cost much and say little; trunks that have them (stride 2) start at the next."""


@dataclass(frozen=True)
class StudentConfig:
    """The defaults are the full-size student: 40.68 M parameters, [B, 3, 1024, 1024] → [B, 1024, 72, 72].

    The width of the head is not published; 472 is the multiple of 8 that meets the published 40.66 M most closely.
    """

    trunk: str = "tiny_vit_21m_512"
    """Any timm model with `features_only`."""
    image_size: int = 1024
    grid: int = 72
    """Cells per side of the teacher's backbone output."""
    channels: int = 1024
    """Channels of the teacher's backbone output."""
    width: int = 472
    groups: int = 8
    dropout: float = 0.1


class Student(nn.Module):
    """Images → the teacher's backbone features, predicted."""

    def __init__(self, config: StudentConfig | None = None, trunk_weights: Path | None = None) -> None:
        """Random weights, or a trunk from `trunk_weights` (see `build_trunk`).

        Raises WeightsUnavailableError when that file is missing or of another kind, ShapeError for a trunk that timm
        does not have.
        """
        super().__init__()
        self.config = config = config or StudentConfig()
        trunk = build_trunk(config.trunk, trunk_weights)
        info = trunk.feature_info
        self.levels = [i for i, stride in enumerate(info.reduction()) if stride >= FINEST_STRIDE]
        self.standardise = Standardise(trunk.pretrained_cfg["mean"], trunk.pretrained_cfg["std"])
        self.trunk = trunk
        self.head = Pyramid(
            [info.channels()[i] for i in self.levels],
            grid=(config.grid, config.grid),
            out_channels=config.channels,
            width=config.width,
            groups=config.groups,
            dropout=config.dropout,
        )

    def pyramid_levels(self, images: Tensor) -> list[Tensor]:
        """[B, 3, S, S] in 0..1 → the trunk's maps at strides 4 to 32, for losses on intermediate features."""
        check_images(images, (self.config.image_size, self.config.image_size))
        maps: list[Tensor] = self.trunk(self.standardise(images))
        return [maps[i] for i in self.levels]

    def forward(self, images: Tensor) -> Tensor:
        """[B, 3, S, S] in 0..1, S = `config.image_size` → [B, channels, grid, grid]. Raises ShapeError for another
        size."""
        features: Tensor = self.head(self.pyramid_levels(images))
        return features


def build_trunk(name: str, weights: Path | None = None) -> Any:
    """A timm trunk that returns its levels.

    Its weights are random, or from timm's checkpoint in safetensors, which cannot run code, or `pretrained.INSTALLED`.
    """
    if not timm.is_model(name):
        raise ShapeError(f"timm has no model named {name!r}", "List them with timm.list_models('tiny_vit*').")
    if weights is None:
        return timm.create_model(name, features_only=True, pretrained=False)
    if weights == Path(INSTALLED):
        trunk, known = timm.create_model(name, features_only=True, pretrained=False), installed_weights(name)
        trunk.load_state_dict({key: known[key] for key in trunk.state_dict()})
        return trunk
    if weights.suffix != ".safetensors" or not weights.is_file():
        raise WeightsUnavailableError(
            f"{weights}: no such safetensors file",
            f"Give the safetensors file of timm's {name}, or none for random weights.",
        )
    return timm.create_model(name, features_only=True, pretrained=True, pretrained_cfg_overlay={"file": str(weights)})
