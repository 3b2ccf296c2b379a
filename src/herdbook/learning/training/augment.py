"""What a camera could have seen instead: other pens, other coats, other light. Applied on training frames only.

A few farms are learned by heart in minutes; what is left of a picture after all this is what animals have in common.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from herdbook.learning.training.params import Augmentation

Picture = NDArray[np.uint8]
"""[3, H, W], RGB."""
Map = NDArray[np.uint8]
"""[H / 2, W / 2], 0 or an animal's number."""


def place(size: tuple[int, int], by: Augmentation, chance: np.random.Generator) -> NDArray[np.float64]:
    """A random affine map [2, 3] of pixels of a picture of (height, width) onto where they go."""
    height, width = size
    angle = chance.uniform(0, 2 * np.pi) if chance.random() < by.rotate else 0.0
    scale, stretch = np.exp(chance.uniform(-by.scale, by.scale)), np.exp(chance.uniform(-by.stretch, by.stretch))
    mirrors = chance.choice([-1.0, 1.0], 2)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = scale * turn @ np.diag(mirrors * [stretch, 1 / stretch])
    middle = np.array([width - 1, height - 1]) / 2
    moved = middle + chance.uniform(-by.shift, by.shift, 2) * [width, height]
    return np.column_stack([matrix, moved - matrix @ middle])


def moved(picture: Picture, labels: Map, affine: NDArray[np.float64]) -> tuple[Picture, Map]:
    """Picture and map under an affine of the picture's pixels; what comes from outside is nobody's."""
    height, width = picture.shape[1:]
    image = cv2.warpAffine(picture.transpose(1, 2, 0), affine, (width, height), borderMode=cv2.BORDER_REPLICATE)
    small = affine.copy()
    small[:, 2] = (affine[:, 2] + affine[:, :2] @ [0.5, 0.5] - 0.5) / 2  # middles of cells of 2 x 2 pixels
    there = cv2.warpAffine(labels, small, (width // 2, height // 2), flags=cv2.INTER_NEAREST)
    return np.ascontiguousarray(image.transpose(2, 0, 1), np.uint8), np.asarray(there, np.uint8)


def recoat(picture: Picture, labels: Map, by: Augmentation, chance: np.random.Generator) -> list[int]:
    """Change some animals' colours, in place; their numbers: they look like nobody now."""
    changed = []
    for number in np.unique(labels):
        if number == 0 or chance.random() >= by.coat:
            continue
        changed.append(int(number))
        own = labels == number
        gain = np.exp(chance.uniform(-0.6, 0.5) + chance.uniform(-0.15, 0.15, 3))
        where = np.repeat(np.repeat(own, 2, 0), 2, 1)
        pixels = picture[:, where].astype(np.float32)
        if chance.random() < 0.3:  # dark patches become light ones
            pixels = pixels.max(1, keepdims=True) + pixels.min(1, keepdims=True) - pixels
        picture[:, where] = np.clip(pixels * gain[:, None], 0, 255).astype(np.uint8)
    return changed


def stain(picture: Picture, by: Augmentation, chance: np.random.Generator) -> None:
    """Blots, in place: dirt and wet, pens' parts, patches of light."""
    width = picture.shape[2]
    for _ in range(int(chance.integers(0, by.stains + 1))):
        _blot(picture, chance, chance.uniform(0.02, 0.09) * width, float(chance.choice([20, 60, 120, 200])), 0.8)
    if chance.random() < by.glare:
        _blot(picture, chance, chance.uniform(0.06, 0.2) * width, 255.0, 1.0)


def _blot(picture: Picture, chance: np.random.Generator, radius: float, grey: float, most: float) -> None:
    height, width = picture.shape[1:]
    cover = np.zeros((height, width), np.float32)
    at = (float(chance.uniform(0, width)), float(chance.uniform(0, height)))
    axes = (2 * radius, 2 * radius * float(chance.uniform(0.3, 1)))
    cv2.ellipse(cover, (at, axes, float(chance.uniform(0, 180))), 1.0, -1)
    cover = cv2.GaussianBlur(cover, (5, 5), 0) * np.float32(chance.uniform(0.3, most))
    colour = np.clip(grey * np.exp(chance.uniform(-0.15, 0.15, 3)), 0, 255)
    picture[:] = (picture * (1 - cover) + cover * colour[:, None, None]).astype(np.uint8)


def light(pictures: Sequence[Picture], by: Augmentation, chance: np.random.Generator) -> Tensor:
    """Other light and lens for each picture: [B, 3, H, W] in 0..1."""
    images = torch.from_numpy(np.stack([_lit(picture, by, chance) for picture in pictures])).float() / 255
    strength = torch.from_numpy((chance.random((len(images), 1, 1, 1)) ** 2 * by.noise).astype(np.float32))
    generator = torch.Generator().manual_seed(int(chance.integers(2**62)))
    return (images + strength * torch.randn(images.shape, generator=generator)).clamp(0, 1)


def _lit(picture: Picture, by: Augmentation, chance: np.random.Generator) -> Picture:
    """What changes every pixel alike is looked up: one table per channel."""
    middle = picture.mean() / 255
    levels = (np.arange(256) / 255 - middle) * np.exp(chance.uniform(-by.contrast, by.contrast)) + middle
    gain = chance.uniform(-by.brightness, by.brightness) + chance.uniform(-by.cast, by.cast, 3)
    if chance.random() < by.over:
        gain = gain + chance.uniform(0, 1.4)
    levels = np.clip(levels[:, None] * np.exp(gain), 1e-4, 1) ** np.exp(chance.uniform(-by.gamma, by.gamma))
    image = cv2.LUT(np.ascontiguousarray(picture.transpose(1, 2, 0)), (levels * 255).astype(np.uint8)[None])
    if chance.random() < by.grey:
        image = np.repeat(image.mean(2, keepdims=True).astype(np.uint8), 3, 2)
    if chance.random() < by.blur:
        size = ((3, 3), (5, 5), (7, 1), (1, 7))[int(chance.integers(4))]
        share = float(chance.uniform(0.3, 1))
        image = cv2.addWeighted(cv2.blur(image, size), share, image, 1 - share, 0)
    return np.asarray(image.transpose(2, 0, 1), np.uint8)


def warped(maps: Tensor, affines: NDArray[np.float64], size: tuple[int, int], fill: float = 0.0) -> Tensor:
    """Maps [B, C, h, w] of any size under the affines [B, 2, 3] of pictures of `size`, as `moved` does it."""
    height, width = size
    grow = np.array([[2 / width, 0, 1 / width - 1], [0, 2 / height, 1 / height - 1], [0, 0, 1.0]])
    thetas = []
    for affine in affines:
        back = np.linalg.inv(np.vstack([affine, [0, 0, 1.0]]))  # grid_sample asks where a pixel comes from
        thetas.append((grow @ back @ np.linalg.inv(grow))[:2])
    theta = torch.from_numpy(np.stack(thetas)).float()
    grid = functional.affine_grid(theta, [len(maps), 1, *maps.shape[-2:]], align_corners=False)
    moved_maps = functional.grid_sample(maps.float() - fill, grid, align_corners=False)
    return moved_maps + fill
