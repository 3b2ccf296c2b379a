"""Batches by step: what is drawn at step n depends on the seed and n alone, so a resumed run draws the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from herdbook.learning.training import augment
from herdbook.learning.training.augment import Map, Picture
from herdbook.learning.training.frames import UNKNOWN, Frames
from herdbook.learning.training.params import Augmentation

ROOM = 0.35
"""Least share of an animal's pixels that must be left for it to count, once others were put over it."""


class Drawn(NamedTuple):
    """B frames and their N animals, on the CPU."""

    images: Tensor
    """[B, 3, H, W], 0..1."""
    frame: Tensor
    """[N], the frame of each animal."""
    masks: Tensor
    """[N, H / 2, W / 2], 0 or 1."""
    identities: Tensor
    behaviours: Tensor
    own: NDArray[np.int64]
    """[N], its number among the animals of its frame as it was stored, or -1 for one that was put in."""
    rows: NDArray[np.int64]
    """[B], which frames of `Frames`."""
    affines: NDArray[np.float64]
    """[B, 2, 3], where pixels went."""


@dataclass
class _View:
    """A frame in the making."""

    picture: Picture
    labels: Map
    identities: list[int]
    behaviours: list[int]
    own: list[int]
    row: int
    affine: NDArray[np.float64]


@dataclass(frozen=True)
class Sampler:
    """Draws training batches: groups of frames that show the same animals, so that identities can be compared."""

    frames: Frames
    size: int
    """Frames per batch."""
    views: int = 2
    """Of them so many from the same camera and day."""
    seed: int = 0
    augmentation: Augmentation | None = None

    def draw(self, step: int, size: int | None = None) -> Drawn:
        """The batch of a step, of another size if given."""
        chance = np.random.default_rng([self.seed, step])
        views = [self._view(row, chance) for row in self._rows(size or self.size, chance)]
        pictures = [view.picture for view in views]
        if self.augmentation is not None:
            return _gather(views, augment.light(pictures, self.augmentation, chance))
        return _gather(views, torch.from_numpy(np.stack(pictures)).float() / 255)

    def _rows(self, size: int, chance: np.random.Generator) -> list[int]:
        rows: list[int] = []
        groups = self.frames.groups
        while len(rows) < size:
            first = int(chance.integers(len(self.frames)))
            others = np.flatnonzero(groups == groups[first])
            more = min(self.views, size - len(rows)) - 1
            rows += [first, *(int(row) for row in chance.choice(others, more))]
        return rows

    def _view(self, row: int, chance: np.random.Generator) -> _View:
        view = _stored(self.frames, row)
        by = self.augmentation
        if by is None:
            return view
        size = (view.picture.shape[1], view.picture.shape[2])
        view.affine = augment.place(size, by, chance)
        view.picture, view.labels = augment.moved(view.picture, view.labels, view.affine)
        if by.paste:
            donor = _stored(self.frames, int(chance.integers(len(self.frames))))
            self._paste(view, donor, int(chance.integers(0, by.paste + 1)), chance)
        for number in augment.recoat(view.picture, view.labels, by, chance):
            view.identities[number - 1] = UNKNOWN
        augment.stain(view.picture, by, chance)
        return view

    def _paste(self, view: _View, donor: _View, count: int, chance: np.random.Generator) -> None:
        """Put some of the donor's animals into a view, over those that are there, as if they had come near."""
        assert self.augmentation is not None
        size = (view.picture.shape[1], view.picture.shape[2])
        picture, labels = augment.moved(donor.picture, donor.labels, augment.place(size, self.augmentation, chance))
        there = [int(n) for n in np.unique(labels) if n]
        for number in chance.permutation(there)[:count]:
            mask = labels == number
            if mask.sum() < 40 or len(view.own) >= 250:
                continue
            before = np.bincount(view.labels.ravel(), minlength=len(view.own) + 1)
            after = np.bincount(view.labels[~mask], minlength=len(view.own) + 1)
            if (after[1:] < ROOM * before[1:]).any():
                continue
            where = np.repeat(np.repeat(mask, 2, 0), 2, 1)
            view.picture[:, where] = picture[:, where]
            view.identities.append(donor.identities[number - 1])
            view.behaviours.append(donor.behaviours[number - 1])
            view.own.append(-1)
            view.labels[mask] = len(view.own)


def in_order(frames: Frames, rows: NDArray[np.int64]) -> Drawn:
    """Frames as they are, for validation."""
    views = [_stored(frames, int(row)) for row in rows]
    return _gather(views, torch.from_numpy(frames.images[rows]).float() / 255)


def _stored(frames: Frames, row: int) -> _View:
    animals = frames.animals[row]
    return _View(
        frames.images[row].copy(),
        frames.maps[row].copy(),
        [int(value) for value in animals.identities],
        [int(value) for value in animals.behaviours],
        list(range(len(animals.identities))),
        row,
        np.eye(2, 3),
    )


def _gather(views: list[_View], images: Tensor) -> Drawn:
    height, width = views[0].labels.shape
    masks = [view.labels == n + 1 for view in views for n in range(len(view.own))]
    return Drawn(
        images,
        torch.tensor([k for k, view in enumerate(views) for _ in view.own], dtype=torch.long),
        torch.from_numpy(np.stack(masks) if masks else np.zeros((0, height, width), bool)).float(),
        torch.tensor([who for view in views for who in view.identities], dtype=torch.long),
        torch.tensor([what for view in views for what in view.behaviours], dtype=torch.long),
        np.array([n for view in views for n in view.own], np.int64),
        np.array([view.row for view in views], np.int64),
        np.stack([view.affine for view in views]),
    )
