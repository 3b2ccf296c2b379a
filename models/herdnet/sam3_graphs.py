"""SAM 3's tracker in four parts that ONNX can hold, each a module of plain tensors.

`Sam3TrackerVideoModel.forward` keeps frames and objects in a session, decides by their number, and loops over them.
What it calculates between two such decisions is in these modules, put together from the tracker's own layers; the
decisions are in `herdnet.sam3_runner`, which needs no torch (ADR 0198). Symbols: g cells per side, C channels, P
prompts, m memories of frames, k object pointers.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import Sam3TrackerVideoModel

from herdnet.pixels import Standardise
from herdnet.sam3_config import MEAN, STD, vision
from herdnet.substitute import StudentBackbone


class Encoder(nn.Module):
    """A picture → what the decoder reads of it. The student, where there is one in the backbone's place."""

    def __init__(self, tracker: Sam3TrackerVideoModel) -> None:
        super().__init__()
        encoder, decoder = vision(tracker), tracker.mask_decoder
        backbone = encoder.backbone
        self.student = backbone.student if isinstance(backbone, StudentBackbone) else None
        self.backbone = None if self.student is not None else backbone
        self.standardise = Standardise(MEAN, STD)
        self.neck, self.fine, self.middle = encoder.neck, decoder.conv_s0, decoder.conv_s1
        self.grid = int(tracker.backbone_feature_sizes[-1][0])
        own = int(tracker.config.image_size)
        self.side = own if self.student is None else int(self.student.config.image_size)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """[1, 3, side, side] in 0..1 → ``fine`` [1, C/8, 4g, 4g], ``middle`` [1, C/4, 2g, 2g], ``coarse`` [1, C, g, g],
        and ``features`` [1, channels, g, g] of the backbone, from which an animal's embedding is pooled."""
        if self.student is not None:
            features = self.student(images)
        else:
            assert self.backbone is not None
            tokens = self.backbone(self.standardise(images)).last_hidden_state
            features = tokens.transpose(1, 2).reshape(1, -1, self.grid, self.grid)
        maps, _ = self.neck(features)
        return self.fine(maps[0]), self.middle(maps[1]), maps[2], features


class Decoder(nn.Module):
    """Prompt encoder and mask decoder."""

    positions: Tensor

    def __init__(self, tracker: Sam3TrackerVideoModel) -> None:
        super().__init__()
        self.prompts, self.masks = tracker.prompt_encoder, tracker.mask_decoder
        self.pointer, self.nobody = tracker.object_pointer_proj, tracker.no_object_pointer
        self.register_buffer("positions", tracker.get_image_wide_positional_embeddings().detach(), persistent=False)

    def forward(
        self, fine: Tensor, middle: Tensor, pixels: Tensor, points: Tensor, labels: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Masks of P prompts in one picture.

        Args:
            fine, middle: of `Encoder`.
            pixels: [1, C, g, g]: ``coarse``, after memory attention or with `no memory` added to it.
            points: [1, P, N, 2], x and y in pixels of the tracker's square.
            labels: [1, P, N] int32: 1 on the object, 0 beside it, 2 and 3 corners of a box, -1 no prompt at all.

        Returns:
            ``masks`` [1, P, 4g, 4g] logits and ``iou`` [1, P] of the one mask; ``objects`` [1, P] logits that there is
            an object; ``best`` [1, P, 4g, 4g], of three candidates the one with the highest estimated IoU; and object
            pointers that go with either, ``pointers`` and ``best_pointers`` [1, P, C].
        """
        sparse, dense = self.prompts(input_points=points, input_labels=labels, input_boxes=None, input_masks=None)
        said: dict[str, Any] = {
            "image_embeddings": pixels,
            "image_positional_embeddings": self.positions,
            "sparse_prompt_embeddings": sparse,
            "dense_prompt_embeddings": dense,
            "high_resolution_features": [fine, middle],
        }
        one, iou, token, objects = self.masks(multimask_output=False, **said)
        three, ious, tokens, _ = self.masks(multimask_output=True, **said)
        first = ious.argmax(-1, keepdim=True)[..., None]
        best = three.gather(2, first[..., None].expand(-1, -1, 1, *three.shape[-2:]))[:, :, 0]
        chosen = tokens.gather(2, first.expand(-1, -1, 1, tokens.shape[-1]))[:, :, 0]
        there = (objects > 0).to(objects.dtype)
        pointers = [there * self.pointer(of) + (1 - there) * self.nobody for of in (token[:, :, 0], chosen)]
        return one[:, :, 0], iou[:, :, 0], objects[..., 0], best, pointers[0], pointers[1]


class MemoryAttention(nn.Module):
    """A picture's features, conditioned on what an object looked like before."""

    cos: Tensor
    sin: Tensor
    here: Tensor
    there: Tensor
    scale: Tensor

    def __init__(self, tracker: Sam3TrackerVideoModel) -> None:
        super().__init__()
        attention: Any = tracker.memory_attention
        config = tracker.config
        self.layers: Any = attention.layers
        self.norm = attention.layer_norm
        self.temporal = tracker.memory_temporal_positional_encoding
        self.project = tracker.temporal_positional_encoding_projection_layer
        self.timed = bool(config.enable_temporal_pos_encoding_for_object_pointers)
        self.span = float(config.max_object_pointers_in_encoder - 1)
        grid, self.width = int(tracker.backbone_feature_sizes[-1][0]), int(tracker.mem_dim)
        with torch.no_grad():
            nothing = torch.zeros(1)
            cos, sin = attention.rotary_emb(nothing, attention.position_ids)
            channels = int(tracker.hidden_dim)
            here = vision(tracker).neck.position_encoding((1, channels, grid, grid), nothing.device, torch.float32)
            size = (1, self.width, grid, grid)
            there = tracker.memory_encoder.position_encoding(size, nothing.device, torch.float32)
        half = channels // 2
        scale = 10000 ** (2 * (torch.arange(half, dtype=torch.float32) // 2) / half)
        for name, value in (("cos", cos[0]), ("sin", sin[0]), ("here", here), ("there", there), ("scale", scale)):
            self.register_buffer(name, value.detach().clone(), persistent=False)

    def forward(self, coarse: Tensor, memories: Tensor, ages: Tensor, pointers: Tensor, offsets: Tensor) -> Tensor:
        """One object in one frame.

        Args:
            coarse: [1, C, g, g] of `Encoder`.
            memories: [m, 64, g, g] of `MemoryEncoder`.
            ages: [m] int64, frames ago, from 1; 0 for a frame with a prompt, however old.
            pointers: [k, C] of `Decoder`.
            offsets: [k] float, frames ago.

        Returns:
            ``pixels`` [1, C, g, g].
        """
        grid = coarse.shape[-1]
        frames = memories.flatten(2).transpose(1, 2)  # [m, gg, 64]
        slots = self.temporal.shape[0]
        when = self.temporal[(ages + slots - 1) % slots].reshape(-1, 1, self.width)
        places = self.there.flatten(2).transpose(1, 2) + when
        parts = pointers.reshape(1, -1, self.width)  # each pointer as C / 64 tokens
        times = self._times(offsets).repeat_interleave(pointers.shape[1] // self.width, dim=0)[None]
        x = (coarse + 0.1 * self.here).flatten(2).transpose(1, 2)  # [1, gg, C]
        frames_at, parts_at = frames + places, parts + times
        for layer in self.layers:
            normed = layer.layer_norm1(x)
            own = layer.self_attn
            keys = self._turned(own.k_proj(normed)[None], own)
            x = x + self._attend(own, normed, keys, own.v_proj(normed))
            normed, cross = layer.layer_norm2(x), layer.cross_attn_image
            turned = self._turned(cross.k_proj(frames_at)[None], cross)
            plain = _heads(cross.k_proj(parts_at), cross)
            values = torch.cat([frames.reshape(1, -1, self.width), parts], 1)
            x = x + self._attend(cross, normed, torch.cat([turned, plain], 2), cross.v_proj(values))
            normed = layer.layer_norm3(x)
            x = x + layer.linear2(layer.activation(layer.linear1(normed)))
        pixels: Tensor = self.norm(x).transpose(1, 2).reshape(1, -1, grid, grid)
        return pixels

    def _times(self, offsets: Tensor) -> Tensor:
        """[k] → [k, 64]: sines of the offset, projected."""
        if not self.timed:
            return offsets[:, None] * torch.zeros(self.width)
        angles = (offsets / self.span)[:, None] / self.scale
        times: Tensor = self.project(torch.cat([angles.sin(), angles.cos()], -1))
        return times

    def _turned(self, keys: Tensor, attention: Any) -> Tensor:
        """[1, m, gg, D] → [1, heads, m * gg, d], turned by each cell's place (Su et al. 2021, arXiv 2104.09864)."""
        split = keys.reshape(keys.shape[1], -1, attention.num_attention_heads, attention.head_dim).transpose(1, 2)
        turned = split * self.cos + _pairs_turned(split) * self.sin  # [m, heads, gg, d]
        return turned.transpose(0, 1).reshape(1, attention.num_attention_heads, -1, attention.head_dim)

    def _attend(self, attention: Any, x: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        queries = self._turned(attention.q_proj(x)[None], attention)
        weights = (queries @ keys.transpose(2, 3) * attention.scaling).softmax(-1)
        mixed = (weights @ _heads(values, attention)).transpose(1, 2).flatten(2)
        out: Tensor = attention.o_proj(mixed)
        return out


class MemoryEncoder(nn.Module):
    """An object's mask in a picture → the memory of both."""

    def __init__(self, tracker: Sam3TrackerVideoModel) -> None:
        super().__init__()
        self.encoder, config = tracker.memory_encoder, tracker.config
        self.hidden = tracker.occlusion_spatial_embedding_parameter
        self.scale, self.bias = float(config.sigmoid_scale_for_mem_enc), float(config.sigmoid_bias_for_mem_enc)
        self.side = int(config.image_size)
        self.input = 4 * int(tracker.prompt_encoder.mask_input_size[0])

    def forward(self, coarse: Tensor, masks: Tensor, objects: Tensor, prompted: Tensor) -> Tensor:
        """One object in one frame.

        Args:
            coarse: [1, C, g, g] of `Encoder`.
            masks: [1, 1, 4g, 4g] logits, -1024 where there is no object.
            objects: [1, 1] logits that there is one.
            prompted: [1] float, 1 where the frame has a prompt: then the mask is taken as it is, not how sure it is.

        Returns:
            ``memory`` [1, 64, g, g]; the tracker rounds it to bfloat16.
        """
        for side in (self.side, self.input):  # in two steps, as the tracker does it
            if masks.shape[-1] != side:
                masks = functional.interpolate(masks, size=(side, side), mode="bilinear", align_corners=False)
        soft = torch.where(prompted.reshape(1, 1, 1, 1) > 0, (masks > 0).to(masks.dtype), masks.sigmoid())
        memory, _ = self.encoder(coarse, soft * self.scale + self.bias)
        if self.hidden is not None:
            gone = (objects <= 0).to(memory.dtype)
            memory = memory + gone.reshape(1, 1, 1, 1) * self.hidden.reshape(1, -1, 1, 1)
        out: Tensor = memory
        return out


def _heads(x: Tensor, attention: Any) -> Tensor:
    """[1, T, D] → [1, heads, T, d]."""
    return x.reshape(1, -1, attention.num_attention_heads, attention.head_dim).transpose(1, 2)


def _pairs_turned(x: Tensor) -> Tensor:
    """(a, b, c, d, …) → (-b, a, -d, c, …)."""
    pairs = x.reshape(*x.shape[:-1], -1, 2)
    return torch.stack([-pairs[..., 1], pairs[..., 0]], -1).flatten(-2)
