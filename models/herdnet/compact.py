"""The compact student: one forward pass of a small trunk gives animals with masks, embeddings, postures and headings.

Made for devices without a large GPU: fixed shapes, the proposals chosen inside the graph, so that ONNX Runtime,
TensorRT and Triton run it as it is; `herdnet.instances` turns its arrays into animals.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from herdnet.compact_heads import Instances, PointDecoder, Saliency, peaks
from herdnet.compact_pyramid import LightPyramid
from herdnet.errors import ShapeError
from herdnet.pixels import Standardise, check_images
from herdnet.student import build_trunk


@dataclass(frozen=True)
class CompactConfig:
    """The defaults are the edge's: TinyViT-5M."""

    trunk: str = "tiny_vit_5m_224"
    """Any timm model with `features_only`."""
    image_size: tuple[int, int] = (512, 672)
    """Height and width, multiples of 32."""
    stride: int = 4
    """Pixels per cell of the pyramid, 4 or 8; masks come at half of it."""
    width: int = 96
    """Channels of the pyramid."""
    pixels: int = 16
    """Channels of the pixel embeddings that masks are read from."""
    looks: int = 64
    """Channels that identity embeddings are pooled from."""
    dimensions: int = 64
    """Of the identity embedding."""
    postures: tuple[str, ...] = ("lying", "sitting", "standing")
    """Names of what is judged for every animal in every frame: postures, or behaviours where they show in one frame."""
    proposals: int = 32
    """Points proposed per frame (top-K inside the graph)."""

    def __post_init__(self) -> None:
        if self.stride not in (4, 8):
            raise ShapeError(f"the compact student's stride is 4 or 8, not {self.stride}", "Set stride to 4 or 8.")
        if any(side % 32 or side <= 0 for side in self.image_size):
            raise ShapeError(f"{self.image_size} are no multiples of 32", "Set height and width to multiples of 32.")
        if not 0 < self.proposals <= (self.image_size[0] // self.stride) * (self.image_size[1] // self.stride):
            raise ShapeError(f"{self.proposals} proposals do not fit the picture", "Set proposals to 16 to 100.")

    @property
    def mask_size(self) -> tuple[int, int]:
        """Height and width of masks."""
        half = self.stride // 2
        return self.image_size[0] // half, self.image_size[1] // half


ORIN = CompactConfig()
POCKET = CompactConfig(trunk="tf_efficientnet_lite0", image_size=(160, 224), width=48, looks=48, proposals=24)
"""For training and running on a CPU."""


class Dense(NamedTuple):
    """What the trunk says of a frame before any point is asked for."""

    features: Tensor
    """[B, width, h, w] at the configured stride."""
    saliency: Tensor
    """[B, 1, h, w] logits."""
    colours: Tensor
    """[B, 3, h, w], the standardised image on that grid."""


class Detections(NamedTuple):
    """The forward pass, and the outputs of the ONNX graph in this order. K = `config.proposals`."""

    scores: Tensor
    """[B, K], 0..1: geometric mean of how likely a middle is there, and how well the mask fits an animal."""
    points: Tensor
    """[B, K, 2], x and y in pixels of the image."""
    masks: Tensor
    embeddings: Tensor
    postures: Tensor
    headings: Tensor


class CompactStudent(nn.Module):
    """Images → animals. Points of one's own, such as a teacher's, prompt the same decoder: `prompt`."""

    def __init__(self, config: CompactConfig = ORIN, trunk_weights: Path | None = None) -> None:
        """Random weights, or a trunk from `trunk_weights` (see `build_trunk`).

        Raises:
            WeightsUnavailableError: that file is missing or of another kind.
            ShapeError: timm does not have the trunk.
        """
        super().__init__()
        self.config = config
        trunk = build_trunk(config.trunk, trunk_weights)
        info = trunk.feature_info
        self.levels = [i for i, stride in enumerate(info.reduction()) if stride >= config.stride]
        if not self.levels or info.reduction()[self.levels[0]] != config.stride:
            raise ShapeError(
                f"{config.trunk} has no level of stride {config.stride}", "Use stride 8, or another trunk."
            )
        self.standardise = Standardise(trunk.pretrained_cfg["mean"], trunk.pretrained_cfg["std"])
        self.trunk = trunk
        self.pyramid = LightPyramid([info.channels()[i] for i in self.levels], config.width)
        self.saliency = Saliency(config.width)
        self.decoder = PointDecoder(
            config.width, config.pixels, config.looks, config.dimensions, max(1, len(config.postures))
        )

    def dense(self, images: Tensor) -> Dense:
        """[B, 3, H, W] in 0..1 → maps. Any multiples of 32 will do: what is learned from smaller pictures holds.

        Raises:
            ShapeError: H or W is another number.
        """
        check_images(images)
        if images.shape[-2] % 32 or images.shape[-1] % 32:
            raise ShapeError(
                f"{images.shape[-2]}x{images.shape[-1]} are no multiples of 32", "Resize: herdnet.pixels.resize."
            )
        pixels = self.standardise(images)
        maps = self.trunk(pixels)
        features = self.pyramid([maps[i] for i in self.levels])
        return Dense(features, self.saliency(features), functional.avg_pool2d(pixels, self.config.stride))

    def prompt(self, dense: Dense, points: Tensor) -> Instances:
        """The animals at points [B, K, 2] (x, y in pixels of the image).

        Positions relative to a point are told in eighths of the picture's longer side.
        """
        stride = self.config.stride
        unit = max(dense.features.shape[-2:]) * stride / 8
        instances: Instances = self.decoder(dense.features, dense.colours, points, stride, unit)
        return instances

    def forward(self, images: Tensor) -> Detections:
        """[B, 3, H, W] in 0..1 → the K most likely animals of every frame.

        Raises:
            ShapeError: another size than the configured one.
        """
        check_images(images, self.config.image_size)
        dense = self.dense(images)
        likely, points = self.propose(dense, self.config.proposals)
        *said, quality = self.prompt(dense, points)
        return Detections((likely * quality.sigmoid()).sqrt(), points, *said)

    def propose(self, dense: Dense, count: int) -> tuple[Tensor, Tensor]:
        """The saliency's `count` highest peaks: its probabilities [B, count], and points [B, count, 2]."""
        likely, cells = peaks(dense.saliency, count)
        return likely, (cells.to(dense.features.dtype) + 0.5) * self.config.stride


def resized(config: CompactConfig, height: int, width: int) -> CompactConfig:
    """The same student for pictures of another size; weights fit both."""
    return replace(config, image_size=(height, width))


def count(module: nn.Module) -> int:
    """Parameters."""
    return sum(p.numel() for p in module.parameters())


@torch.no_grad()
def read(student: CompactStudent, images: Tensor) -> Detections:
    """The forward pass for use: evaluation mode, no gradients; leaves the student's mode as it was."""
    training = student.training
    student.eval()
    try:
        detections: Detections = student(images)
        return detections
    finally:
        student.train(training)
