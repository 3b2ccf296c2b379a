"""Small videos of round-ended animals on a floor, made with PyAV: what the edge tests look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

WIDTH, HEIGHT, FPS = 160, 120, 5
COATS = ((200, 205, 235), (60, 60, 70), (90, 140, 200), (220, 220, 220))

Place = tuple[float, float, float]
"""x, y, angle in degrees."""


def floor(seed: int = 0) -> np.ndarray:
    """An empty pen."""
    rng = np.random.default_rng(seed)
    grain = rng.integers(105, 140, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    return cv2.GaussianBlur(grain, (0, 0), 2)


def draw(picture: np.ndarray, places: list[Place], size: tuple[int, int] = (14, 7)) -> np.ndarray:
    """Animals on a floor, each with its coat."""
    picture = picture.copy()
    for n, (x, y, angle) in enumerate(places):
        cv2.ellipse(picture, ((x, y), (2 * size[0], 2 * size[1]), angle), COATS[n % len(COATS)], -1)
    return picture


def film(
    paths: Callable[[float], list[Place]], seconds: float, fps: int = FPS, noise: float = 2.0
) -> Iterator[np.ndarray]:
    """Frames of animals that are where `paths` says at each second, with sensor noise."""
    rng = np.random.default_rng(1)
    empty = floor()
    for n in range(round(seconds * fps)):
        frame = draw(empty, paths(n / fps)).astype(np.int16)
        yield np.clip(frame + rng.normal(0, noise, frame.shape), 0, 255).astype(np.uint8)


def write(
    path: Path,
    frames: Iterator[np.ndarray],
    *,
    fps: int = FPS,
    codec: str = "libx264",
    container: str | None = None,
    gop: int = 10,
) -> Path:
    """A video file."""
    with av.open(str(path), "w", format=container) as output:
        stream = None
        for frame in frames:
            if stream is None:
                stream = output.add_stream(codec, rate=Fraction(fps))
                stream.height, stream.width = frame.shape[:2]
                stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
                stream.gop_size = gop
            output.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
        output.mux(stream.encode(None))
    return path


def walker(seconds: float) -> list[Place]:
    """One animal that walks to and fro in six seconds, 33 pixels in each, and one that lies."""
    phase = (seconds * 200 / 6) % 200
    x = 30 + (phase if phase <= 100 else 200 - phase)
    return [(x, 30, 0), (110, 85, 20)]
