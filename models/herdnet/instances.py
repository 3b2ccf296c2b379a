"""The compact student's arrays → animals. NumPy only: a device that runs the ONNX graph needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Selection:
    """When a proposal is an animal."""

    score: float = 0.3
    overlap: float = 0.4
    """Share of the smaller of two masks that lies in the other; above it both are one animal, and the better stays."""
    area: float = 0.0004
    """Share of the frame; anything smaller is dirt."""
    edge: float = 0.0
    """Logit from which a pixel is an animal's. Below 0 for thin parts, legs and ears, whose pixels a small network is
    seldom sure of one by one: without them boxes are too small (ADR 0136)."""


class Outputs(NamedTuple):
    """What the network says of one frame: `herdnet.compact.Detections` without its first axis."""

    scores: Floats
    points: Floats
    masks: Floats
    embeddings: Floats
    postures: Floats
    headings: Floats


class Animals(NamedTuple):
    """The N animals of one frame, best first. Pixels are those of the network's image."""

    scores: Floats
    """[N], 0..1."""
    boxes: Floats
    """[N, 4], x0, y0, x1, y1 of the mask."""
    masks: NDArray[np.bool_]
    """[N, h, w] on the mask grid; no pixel belongs to two."""
    embeddings: Floats
    """[N, D], L2 norm 1."""
    postures: Floats
    """[N, P] probabilities."""
    headings: Floats
    """[N, 2]; the length, about 0..1, is how sure the direction is."""
    points: Floats
    """[N, 2], the proposals."""


class Body(NamedTuple):
    """Where a body lies: middle, main axis, and its length and width as those of the ellipse with the same moments."""

    x: float
    y: float
    length: float
    width: float
    angle: float
    """Radians, of the main axis; towards the head where that was given."""
    area: float


def select(outputs: Outputs, stride: int, rules: Selection | None = None) -> Animals:
    """The animals of one frame.

    Proposals on one animal are told by their masks, not by distance: two animals side by side have near middles.
    A pixel that several claim goes to the highest logit.

    Args:
        outputs: of the forward pass, for one frame.
        stride: image pixels per mask pixel.
        rules: when a proposal is an animal.
    """
    rules = rules or Selection()
    scores, points, masks, embeddings, postures, headings = outputs
    smallest = rules.area * masks.shape[1] * masks.shape[2]
    inside: NDArray[np.bool_] = np.asarray(masks > rules.edge)
    areas = inside.sum((1, 2))
    kept: list[int] = []
    for k in np.argsort(-scores, kind="stable"):
        if scores[k] < rules.score or areas[k] < smallest:
            continue
        if all(_shared(inside[k], inside[j]) <= rules.overlap * min(areas[k], areas[j]) for j in kept):
            kept.append(int(k))
    order = np.array(kept, dtype=int)
    own = _own_pixels(masks[order], rules.edge)
    # what others took may leave nothing
    whole = own.sum((1, 2)) >= max(smallest, 1)
    order, own = order[whole], own[whole]
    shifted = postures[order] - postures[order].max(axis=1, keepdims=True, initial=-np.inf)
    likely = np.exp(shifted)
    return Animals(
        scores[order],
        boxes_of(own) * np.float32(stride),
        own,
        embeddings[order],
        np.asarray(likely / likely.sum(1, keepdims=True), np.float32),
        headings[order],
        points[order],
    )


def boxes_of(masks: NDArray[np.bool_]) -> Floats:
    """Boxes [N, 4] of masks [N, h, w], none empty: x0, y0 of the first and x1, y1 past the last pixel."""
    height, width = masks.shape[1:]
    columns: NDArray[np.bool_] = np.asarray(masks.any(1))
    rows: NDArray[np.bool_] = np.asarray(masks.any(2))
    left, right = columns.argmax(1), width - columns[:, ::-1].argmax(1)
    top, bottom = rows.argmax(1), height - rows[:, ::-1].argmax(1)
    return np.stack([left, top, right, bottom], 1).astype(np.float32)


def body(mask: NDArray[np.bool_], stride: int = 1, heading: Floats | None = None) -> Body:
    """A mask's body from its moments, in image pixels. A filled ellipse of axes l, w has variances l²/16, w²/16."""
    y, x = np.nonzero(mask)
    if not len(x):
        return Body(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    spread = np.cov(np.stack([x, y]).astype(float), bias=True) + np.eye(2) / 12  # a pixel is a square, not a point
    values, vectors = np.linalg.eigh(spread)
    along = vectors[:, 1]
    if heading is not None and float(along @ heading) < 0:
        along = -along
    return Body(
        (float(x.mean()) + 0.5) * stride,
        (float(y.mean()) + 0.5) * stride,
        4 * float(np.sqrt(values[1])) * stride,
        4 * float(np.sqrt(values[0])) * stride,
        float(np.arctan2(along[1], along[0])),
        float(len(x)) * stride * stride,
    )


def _shared(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(one & other))


def _own_pixels(masks: Floats, edge: float) -> NDArray[np.bool_]:
    """Logits [N, h, w] → masks without overlap."""
    if not len(masks):
        return np.zeros(masks.shape, bool)
    winner = masks.argmax(0)
    return np.asarray((winner[None] == np.arange(len(masks))[:, None, None]) & (masks > edge))
