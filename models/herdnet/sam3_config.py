"""SAM 3's tracker at full size (the classes' defaults) and small enough for two CPU cores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from transformers import Sam3TrackerVideoConfig, Sam3TrackerVideoModel

MEAN, STD = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)
"""What `Sam3ImageProcessor` standardises with."""
MEMORY_CHANNELS = 64
"""Fixed in transformers' memory attention; the width must be a multiple above it, or object pointers are not split
into tokens."""


@dataclass(frozen=True)
class SmallTeacher:
    """Size of a teacher for machines without SAM 3's weights; about 5.6 M parameters by default.

    Patches of 8 pixels and masks at half the resolution (stride 2): animals are small at 256 pixels.
    """

    image_size: int = 256
    patch_size: int = 8
    channels: int = 192
    """Channels of the backbone's output, the student's target: a multiple of 64 (heads of 64)."""
    layers: int = 6
    """Every third layer attends globally, the others in windows."""
    window: int = 8
    width: int = 128
    """Width of neck, prompts, mask decoder and memory attention: a multiple of 64, at least 128."""

    @property
    def grid(self) -> int:
        """Cells per side of the backbone's output."""
        return self.image_size // self.patch_size


def full_config() -> Sam3TrackerVideoConfig:
    """SAM 3 as published: 1008 pixels, patches of 14, [B, 1024, 72, 72]."""
    return Sam3TrackerVideoConfig()


def small_config(size: SmallTeacher | None = None) -> Sam3TrackerVideoConfig:
    """The same classes, small."""
    size = size or SmallTeacher()
    grid, width = size.grid, size.width
    config = Sam3TrackerVideoConfig(
        vision_config={
            "model_type": "sam3_vision_model",
            "fpn_hidden_size": width,
            "backbone_feature_sizes": [[4 * grid] * 2, [2 * grid] * 2, [grid] * 2],
            "backbone_config": {
                "model_type": "sam3_vit_model",
                "hidden_size": size.channels,
                "intermediate_size": 4 * size.channels,
                "num_hidden_layers": size.layers,
                "num_attention_heads": size.channels // 64,
                "image_size": size.image_size,
                "patch_size": size.patch_size,
                "pretrain_image_size": size.image_size,
                "window_size": size.window,
                "global_attn_indexes": list(range(2, size.layers, 3)) or [size.layers - 1],
            },
        },
        prompt_encoder_config={"hidden_size": width, "image_size": size.image_size, "patch_size": size.patch_size},
        mask_decoder_config={
            "hidden_size": width,
            "mlp_dim": 4 * width,
            "num_attention_heads": width // 32,
            "iou_head_hidden_dim": width,
            # Alternatives to the one mask, which an unsure answer would fall back on, are not trained.
            "dynamic_multimask_via_stability": False,
        },
        memory_attention_hidden_size=width,
        memory_attention_num_layers=2,
        memory_attention_feed_forward_hidden_size=4 * width,
        memory_encoder_hidden_size=width,
        memory_encoder_output_channels=MEMORY_CHANNELS,
        mask_downsampler_embed_dim=width,
        memory_fuser_embed_dim=width,
        memory_fuser_intermediate_dim=4 * width,
    )
    config.image_size = size.image_size
    return config


def vision(tracker: Sam3TrackerVideoModel) -> Any:
    """The vision encoder (`backbone` and `neck`): typed as optional upstream, never absent here."""
    return tracker.vision_encoder


def build_tracker(config: Sam3TrackerVideoConfig) -> Sam3TrackerVideoModel:
    """A tracker with random weights, points and image positions in one and the same random basis.

    The class draws two bases, one for prompts and one for the image; in SAM's checkpoints they are equal, and a
    tracker trained from scratch with two would have to learn where a point is.
    """
    tracker = Sam3TrackerVideoModel(config)
    with torch.no_grad():
        tracker.prompt_encoder.shared_embedding.positional_embedding.copy_(
            tracker.shared_image_embedding.positional_embedding
        )
    return tracker
