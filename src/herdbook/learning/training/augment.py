"""What a camera could have seen instead: other pens, other coats, other light. Applied on training frames only.

A few farms are learned by heart in minutes; what is left of a picture after all this is what animals have in common.
"""

from __future__ import annotations

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


def light(images: Tensor, by: Augmentation, chance: np.random.Generator) -> Tensor:
    """Other light and lens for each of [B, 3, H, W] in 0..1."""
    count = len(images)

    def each(half: float, channels: int = 1) -> Tensor:
        return torch.from_numpy(chance.uniform(-half, half, (count, channels, 1, 1)).astype(np.float32))

    middle = images.mean((1, 2, 3), keepdim=True)
    images = (images - middle) * each(by.contrast).exp() + middle
    gain = each(by.brightness) + each(by.cast, 3)
    over = torch.from_numpy((chance.random((count, 1, 1, 1)) < by.over).astype(np.float32))
    gain = gain + over * (each(0.7) + 0.7)
    images = (images * gain.exp()).clamp(1e-4, 1)
    images = images ** each(by.gamma).exp()
    grey = torch.from_numpy(chance.random(count) < by.grey)
    images[grey] = images[grey].mean(1, keepdim=True).expand(-1, 3, -1, -1)
    for k in np.flatnonzero(chance.random(count) < by.blur):
        high, wide = ((3, 3), (5, 5), (1, 7), (7, 1))[int(chance.integers(4))]
        soft = functional.avg_pool2d(
            images[k : k + 1], (high, wide), 1, (high // 2, wide // 2), count_include_pad=False
        )
        images[k] = torch.lerp(images[k], soft[0], float(chance.uniform(0.3, 1)))
    strength = torch.from_numpy((chance.random((count, 1, 1, 1)) ** 2 * by.noise).astype(np.float32))
    noise = torch.from_numpy(chance.standard_normal(images.shape, dtype=np.float32))
    return (images + strength * noise).clamp(0, 1)


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
