"""Who is this? One animal's masked crop → a vector: DINOv3 ViT-S/16 (384), or a small trained one of the same class.

The weights of DINOv3 are gated. Without them `Embedder.small` is trained on the farm's own animals; its vectors are
another embedding space and never compared with DINOv3's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional
from transformers import DINOv3ViTConfig, DINOv3ViTModel

from herdnet.errors import WeightsUnavailableError
from herdnet.pixels import Standardise, check_images

HUB_NAME = "facebook/dinov3-vits16-pretrain-lvd1689m"
ACCESS = (
    f"DINOv3's weights are gated: ask for access on the page of {HUB_NAME} on the Hugging Face hub, then log in "
    "(hf auth login, or HF_TOKEN), or copy the checkpoint's folder (config.json, model.safetensors) here and give its "
    "path. Without them, train a small one of the same class: herdnet.embedder.Embedder.small()."
)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def vits16_config() -> DINOv3ViTConfig:
    """DINOv3 ViT-S/16: 21.6 M parameters, 384-dimensional, four register tokens."""
    return DINOv3ViTConfig(
        patch_size=16,
        hidden_size=384,
        intermediate_size=1536,
        num_hidden_layers=12,
        num_attention_heads=6,
        num_register_tokens=4,
    )


def small_config(size: int = 64) -> DINOv3ViTConfig:
    """A stand-in that trains in minutes on a CPU: 0.7 M parameters, 128-dimensional, patches of 8 pixels."""
    return DINOv3ViTConfig(
        image_size=size,
        patch_size=8,
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_register_tokens=1,
    )


class Embedder(nn.Module):
    """Crops [N, 3, S, S] in 0..1, background already black (`herdnet.crops`) → embeddings [N, D] of L2 norm 1."""

    def __init__(self, model: DINOv3ViTModel) -> None:
        super().__init__()
        self.model = model
        self.standardise = Standardise(MEAN, STD)

    @property
    def dimensions(self) -> int:
        """D."""
        return int(self.model.config.hidden_size)

    @property
    def crop_size(self) -> int:
        """Pixels per side that the network was made for."""
        size: Any = self.model.config.image_size
        return int(size if isinstance(size, int) else size[0])

    @classmethod
    def small(cls, config: DINOv3ViTConfig | None = None) -> Self:
        """Random weights, to be trained with `contrastive.contrastive`."""
        return cls(DINOv3ViTModel(config or small_config()))

    @classmethod
    def pretrained(cls, source: str | Path = HUB_NAME) -> Self:
        """A checkpoint from a folder (a `Path`, never looked up elsewhere) or the hub; only safetensors are read.

        Raises:
            WeightsUnavailableError: absent, gated, broken, or of another network.
        """
        local = isinstance(source, Path) or Path(source).is_dir()
        if local and not list(Path(source).glob("*.safetensors")):
            raise WeightsUnavailableError(f"{source}: no *.safetensors in this folder", ACCESS)
        try:
            loaded: Any = DINOv3ViTModel.from_pretrained(
                source, use_safetensors=True, local_files_only=local, output_loading_info=True
            )
        except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise WeightsUnavailableError(f"{source}: cannot be loaded ({first})", ACCESS) from error
        model, report = loaded
        missing = sorted(report["missing_keys"])
        if missing:
            raise WeightsUnavailableError(
                f"{source}: {len(missing)} weights are missing, the first is {missing[0]}; this is no DINOv3", ACCESS
            )
        return cls(model)

    def forward(self, crops: Tensor) -> Tensor:
        """The class token, after the last normalisation, at length 1. Raises ShapeError unless [N, 3, H, W]."""
        check_images(crops)
        seen = self.model(pixel_values=self.standardise(crops))
        return functional.normalize(seen.pooler_output, dim=-1, eps=1e-6)


@torch.no_grad()
def embed(embedder: Embedder, crops: Tensor, batch_size: int = 64) -> Tensor:
    """Embeddings [N, D] of any number of crops, in evaluation mode, on the embedder's device."""
    training = embedder.training
    device = next(embedder.parameters()).device
    embedder.eval()
    try:
        parts = [embedder(part.to(device)) for part in torch.split(crops, batch_size)] if len(crops) else []
        return torch.cat(parts) if parts else torch.zeros(0, embedder.dimensions, device=device)
    finally:
        embedder.train(training)
