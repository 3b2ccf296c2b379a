"""Pull the same animal together, push others apart, look-alikes hardest."""

from __future__ import annotations

import torch
from torch import Tensor


def contrastive(embeddings: Tensor, identities: Tensor, *, temperature: float = 0.1, hardness: float = 0.5) -> Tensor:
    """Supervised contrastive loss (Khosla et al. 2020, arXiv 2004.11362, the sum outside the logarithm), negatives
    re-weighted towards look-alikes (Robinson et al. 2021, arXiv 2010.04592).

    Args:
        embeddings: [N, D], L2 norm 1.
        identities: [N] of whole numbers; negative ones are nobody's and take no part.
        temperature: of the similarities.
        hardness: 0 counts all others alike; with b > 0 another animal counts in proportion to exp(b * s / temperature).

    Returns the mean over all that have both a view of themselves and another animal beside them; 0 where none has.
    """
    known = identities >= 0
    z, who = embeddings[known].float(), identities[known]
    if len(z) < 2:
        return embeddings.sum() * 0.0
    similarity = z @ z.T / temperature
    self_ = torch.eye(len(z), dtype=torch.bool, device=z.device)
    same = (who[:, None] == who[None, :]) & ~self_
    other = who[:, None] != who[None, :]
    usable = same.any(1) & other.any(1)
    if not bool(usable.any()):
        return embeddings.sum() * 0.0
    weight = torch.softmax((hardness * similarity).masked_fill(~other, -1e4).detach(), dim=1) * other
    weight = weight * other.sum(1, keepdim=True)  # the weights' mean is 1
    against = torch.logsumexp((similarity + weight.clamp(min=1e-12).log()).masked_fill(~other, -1e4), dim=1)
    pairs = torch.logaddexp(similarity, against[:, None]) - similarity
    each = (pairs * same).sum(1) / same.sum(1).clamp(min=1)
    return each[usable].mean()
