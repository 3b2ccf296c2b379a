"""One training step of the compact student: a batch in, named losses out. The optimiser is the caller's."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from herdnet import compact_losses as losses
from herdnet.compact import CompactStudent, Dense
from herdnet.compact_batch import Batch
from herdnet.compact_heads import at_cells
from herdnet.compact_targets import any_point, covering, heat, middles
from herdnet.contrastive import contrastive
from herdnet.errors import NonFiniteLossError


@dataclass(frozen=True)
class CompactWeights:
    """Factors of the terms; 0 switches a term off. Masks: truth (or a teacher's masks taken as truth) and a teacher's
    logits are two sources, either may be absent."""

    centre: float = 1.0
    bce: float = 1.0
    dice: float = 1.0
    embedding: float = 0.5
    posture: float = 0.5
    heading: float = 0.3
    quality: float = 0.5
    """How well the student judges its own masks."""
    feature: float = 0.0
    """Direction of the teacher's features (needs an adapter)."""
    soft_bce: float = 0.0
    """The teacher's mask logits at `temperature`."""
    soft_dice: float = 0.0
    temperature: float = 2.0
    contrast: float = 0.1
    """Temperature of the embeddings' similarities."""
    hardness: float = 0.5
    """How much look-alikes count above others."""


PROPOSED = 16
"""Of the student's own proposals that it learns to judge, in every frame."""
DISTIL = CompactWeights(bce=0.0, dice=0.0, feature=0.4, soft_bce=0.3, soft_dice=0.3)
"""Feature-aligned distillation: 0.4 (1 - cosine) + 0.3 soft BCE (temperature 2) + 0.3 Dice."""
LOGITS_ONLY = CompactWeights(bce=0.0, dice=0.0, soft_bce=0.3, soft_dice=0.3)
"""The same without the teacher's features: the baseline that alignment must beat."""


class FeatureAdapter(nn.Conv2d):
    """1x1 convolution from the student's pyramid to the teacher's channels; used in training only, never exported."""

    def __init__(self, width: int, channels: int) -> None:
        super().__init__(width, channels, 1)


def compact_step(
    model: CompactStudent,
    batch: Batch,
    weights: CompactWeights,
    adapter: FeatureAdapter | None = None,
    generator: torch.Generator | None = None,
) -> dict[str, Tensor]:
    """Unweighted losses by name, and their weighted sum as ``total``.

    Every animal is prompted twice: at its middle, as the student itself will propose, and anywhere on it, as others
    may point.

    Args:
        model: in training mode.
        batch: of the model's image size.
        weights: of the terms.
        adapter: needed where `weights.feature` is not 0 and the batch has the teacher's features.
        generator: of the random points (CPU).

    Raises:
        NonFiniteLossError: a loss is NaN or infinite; nothing has been changed.
    """
    dense = model.dense(batch.images)
    grid = (dense.features.shape[-2], dense.features.shape[-1])
    cover = covering(batch.masks, grid)
    cells, seen = middles(cover)
    target = heat(cells, cover, batch.frame, seen, len(batch.images))
    known = None if batch.ignore is None else 1 - covering(batch.ignore, grid).unsqueeze(1)
    terms = {"centre": losses.centre_focal(dense.saliency, target, known)}
    points = torch.stack([cells, any_point(cover.cpu(), generator).to(cells.device)], 1)
    terms |= _instance_terms(model, dense, batch, torch.nonzero(seen).squeeze(1), cells=points, weights=weights)
    if weights.feature and batch.teacher_features is not None and adapter is not None:
        # averaged down before channels are mapped, not after: both are linear, and this is a quarter of the work
        mine = losses.averaged_down(dense.features, batch.teacher_features)
        terms["feature"] = losses.feature_direction(adapter(mine), batch.teacher_features)
    factors = asdict(weights)
    total = torch.stack([factors[name] * term for name, term in terms.items()]).sum()
    broken = [name for name, term in terms.items() if not bool(term.isfinite())]
    if broken:
        raise NonFiniteLossError(f"the loss {', '.join(broken)} is not finite")
    return terms | {"total": total}


def _instance_terms(
    model: CompactStudent, dense: Dense, batch: Batch, rows: Tensor, *, cells: Tensor, weights: CompactWeights
) -> dict[str, Tensor]:
    """Losses of what the decoder says of prompts `cells` [N, 2 prompts, 2] of the animals `rows`."""
    frame, prompts = batch.frame[rows], cells.shape[1]
    slot, most = _slots(frame, len(batch.images))
    padded = cells.new_zeros(len(batch.images), max(most, 1), prompts, 2)
    padded[frame, slot] = cells[rows]
    points = (padded.flatten(1, 2).to(batch.images.dtype) + 0.5) * model.config.stride
    proposed = model.propose(dense, min(PROPOSED, model.config.proposals))[1]
    every = torch.cat([points, proposed], 1)
    found = model.prompt(dense, every)
    asked = points.shape[1]

    def of_animals(values: Tensor) -> Tensor:
        """[B, slots * prompts, ...] → [animals * prompts, ...]."""
        return values[:, :asked].reshape(len(values), -1, prompts, *values.shape[2:])[frame, slot].flatten(0, 1)

    def twice(values: Tensor) -> Tensor:
        return values[rows].repeat_interleave(prompts, 0)

    masks = of_animals(found.masks)
    size = (masks.shape[-2], masks.shape[-1])
    truth = covering(batch.masks[rows], size).repeat_interleave(prompts, 0)
    learn = None
    if batch.ignore is not None:
        learn = (1 - covering(batch.ignore, size))[frame].repeat_interleave(prompts, 0)
    terms = {
        "bce": losses.mask_bce(masks, truth, learn),
        "dice": losses.mask_dice(masks, truth, learn),
        "posture": losses.posture_loss(of_animals(found.postures), twice(batch.postures)),
        "heading": losses.heading_loss(of_animals(found.headings), twice(batch.headings)),
        "embedding": contrastive(
            of_animals(found.embeddings),
            twice(batch.identities),
            temperature=weights.contrast,
            hardness=weights.hardness,
        ),
    }
    if weights.quality:
        known = every[..., 0] >= 0
        if batch.ignore is not None:  # nobody said what is there, so no answer is wrong
            grid = (dense.features.shape[-2], dense.features.shape[-1])
            there = covering(batch.ignore, grid).unsqueeze(1)
            known = at_cells(there, (every / model.config.stride).long())[..., 0] < 0.5
        terms["quality"] = _quality(found.quality, found.masks, covering(batch.masks, size), batch.frame, known=known)
    if batch.teacher_masks is not None and (weights.soft_bce or weights.soft_dice):
        teacher = covering(batch.teacher_masks[rows].detach(), size).repeat_interleave(prompts, 0)
        softened = (teacher / weights.temperature).sigmoid()
        terms["soft_bce"] = losses.balanced_bce(masks, softened, learn, weights.temperature)
        terms["soft_dice"] = losses.mask_dice(masks, teacher.sigmoid(), learn)
    return terms


def _quality(logits: Tensor, masks: Tensor, truth: Tensor, frame: Tensor, *, known: Tensor) -> Tensor:
    """Mean over frames of `losses.quality_loss` of what was asked at `known` [B, K] places, own proposals included."""
    each = [losses.quality_loss(logits[k][known[k]], masks[k][known[k]], truth[frame == k]) for k in range(len(logits))]
    return torch.stack(each).mean()


def _slots(frame: Tensor, frames: int) -> tuple[Tensor, int]:
    """The place of each animal among those of its own frame, and how many places the fullest frame needs."""
    same = frame[:, None] == frame[None, :]
    slot = torch.tril(same, diagonal=-1).sum(1) if len(frame) else frame
    return slot, int(torch.bincount(frame, minlength=frames).max()) if len(frame) else 0
