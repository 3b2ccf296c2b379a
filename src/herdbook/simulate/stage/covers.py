"""What hides animals: roofs over troughs and beams over the pen (flat), and things that hang before the camera."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from herdbook.simulate.layout import Layout
from herdbook.simulate.opencv import opencv
from herdbook.simulate.scene import Image
from herdbook.simulate.stage.floors import Ground
from herdbook.simulate.stage.plan import Fixture, StagePlan

HOOD_M = 0.24
"""How far a roof reaches beyond its trough: heads are hidden, shoulders are not."""
RAIL_M = 0.055


def overhead(
    stage: StagePlan, layout: Layout, raster: Ground, rng: np.random.Generator
) -> tuple[Image, NDArray[np.uint8]]:
    """A flat picture of roofs and beams, and 255 where they are."""
    cv2 = opencv()
    picture, mask = np.zeros((*raster.shape, 3), np.uint8), np.zeros(raster.shape, np.uint8)
    if stage.hood:
        t = layout.trough
        x0, x1 = (t.x0 - HOOD_M, t.x1 + 0.1) if layout.mirrored else (t.x0 - 0.1, t.x1 + HOOD_M)
        a, b = np.rint(raster.texels(np.array([[x0, t.y0 - 0.03], [x1, t.y1 + 0.03]]))).astype(int).tolist()
        cv2.rectangle(picture, a, b, (128, 130, 132), -1)
        for x in range(a[0], b[0], max(3, int(0.08 * raster.per_metre))):
            cv2.line(picture, (x, a[1]), (x, b[1]), (106, 108, 112), 1)
        cv2.rectangle(mask, a, b, 255, -1)
    thick = max(2, round(RAIL_M * raster.per_metre))
    for n in range(stage.rails):
        along = bool(n % 2)
        at = float(rng.uniform(0.2, 0.8)) * (layout.depth_m if along else layout.width_m)
        slope = float(rng.normal(0, 0.15))
        if along:
            ends = np.array([[-0.3, at - slope], [layout.width_m + 0.3, at + slope]])
        else:
            ends = np.array([[at - slope, -0.3], [at + slope, layout.depth_m + 0.3]])
        a, b = np.rint(raster.texels(ends)).astype(int).tolist()
        cv2.line(picture, a, b, (122, 120, 116), thick)
        cv2.line(picture, a, b, (158, 156, 150), max(1, thick // 3))
        cv2.line(mask, a, b, 255, thick)
    return picture, mask


def before_the_lens(
    kind: Fixture, size: tuple[int, int], rng: np.random.Generator
) -> tuple[Image, Image, NDArray[np.bool_]] | None:
    """What hangs before the camera, if anything does: its colour times its opacity, what it leaves of the picture
    ``[h, w, 3]`` 0..255, and where it is half opaque or more and so hides an animal."""
    if kind is Fixture.NONE:
        return None
    cv2 = opencv()
    width, height = size
    picture, alpha = np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.uint8)
    if kind is Fixture.CABLE:
        x = np.linspace(-10, width + 10, 60)
        y = height * float(rng.uniform(0.10, 0.3)) + 0.10 * height * np.sin(np.pi * x / width)
        points = np.rint(np.column_stack([x, y])).astype(np.int32)
        picture[:] = (36, 36, 38)
        cv2.polylines(alpha, [points], isClosed=False, color=255, thickness=max(4, width // 80), lineType=cv2.LINE_AA)
    elif kind is Fixture.LAMP:
        at = (int(width * float(rng.uniform(0.35, 0.65))), int(height * float(rng.uniform(0.3, 0.6))))
        picture[:] = (168, 166, 160)
        cv2.ellipse(alpha, at, (width // 11, height // 28), float(rng.uniform(0, 180)), 0, 360, 255, -1, cv2.LINE_AA)
        cv2.line(alpha, at, (at[0], 0), 255, 3, cv2.LINE_AA)
    elif kind is Fixture.WEB:
        picture[:] = (172, 170, 164)
        for _ in range(26):
            a = (int(rng.normal(0.06, 0.12) * width), int(rng.normal(0.08, 0.15) * height))
            b = (a[0] + int(rng.normal(0, 0.22) * width), a[1] + int(rng.normal(0, 0.25) * height))
            cv2.line(alpha, a, b, 90, 2, cv2.LINE_AA)
        cv2.circle(alpha, (int(0.05 * width), int(0.06 * height)), width // 9, 235, -1)
        alpha = cv2.GaussianBlur(alpha, (0, 0), 2.0)
    light = cv2.multiply(picture, cv2.merge([alpha] * 3), scale=1 / 255)
    return light, cv2.merge([255 - alpha] * 3), alpha > 127
