"""Random weights from which a tracker of SAM 3's classes learns to answer prompts.

transformers draws every weight with a spread of 0.02, which is right for what a checkpoint then replaces. Trained from
such weights, prompts are not heard: tokens cannot be told apart, and attention from a point to the image is flat. Here
tokens have a spread of 1, as SAM's own code draws them, and the decoder's cross-attentions begin by looking where a
point is (ADR 0149).
"""

from __future__ import annotations

import math

import torch
from torch import nn
from transformers import Sam3TrackerVideoModel

from herdnet.sam3_config import vision

SHARPNESS = 1.5
"""Of a point's first look at the image: at random weights and the small size's 128 channels, about a quarter of a
point's attention lies in the nine cells around it, of 576."""

CROSSING = ("attn_token_to_image", "attn_image_to_token")
"""How transformers names attention between prompts and image."""


@torch.no_grad()
def draw_to_learn(tracker: Sam3TrackerVideoModel) -> None:
    """Draw neck, tokens and mask decoder anew, in place; the backbone and the memory stay."""
    for part in (vision(tracker).neck, tracker.mask_decoder):
        for module in part.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
            elif isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                nn.init.kaiming_uniform_(module.weight, a=math.sqrt(5))
    for part in (tracker.prompt_encoder, tracker.mask_decoder):
        for module in part.modules():
            if isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight)
    for attention in _cross_attentions(tracker):
        _look_where_it_is(attention)


def _cross_attentions(tracker: Sam3TrackerVideoModel) -> list[nn.Module]:
    decoder = tracker.mask_decoder
    names = [name for name, _ in decoder.named_modules() if name.endswith(CROSSING)]
    return [decoder.get_submodule(name) for name in names]


def _look_where_it_is(attention: nn.Module) -> None:
    """Equal projections of queries and keys: positions are random Fourier features, whose product falls off with
    distance (Rahimi and Recht 2007), and a common orthogonal projection keeps that."""
    query, key = attention.get_submodule("q_proj"), attention.get_submodule("k_proj")
    assert isinstance(query, nn.Linear)
    assert isinstance(key, nn.Linear)
    nn.init.orthogonal_(query.weight, gain=SHARPNESS * math.sqrt(query.in_features / query.out_features))
    key.weight.copy_(query.weight)
