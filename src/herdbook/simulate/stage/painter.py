"""Paints animals onto the flat floor: colour, shadow, and whose each texel is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from herdbook.simulate.bodies import Floats
from herdbook.simulate.farm import Animal
from herdbook.simulate.opencv import opencv
from herdbook.simulate.scene import Image
from herdbook.simulate.stage.anatomy import Attitude, Trunk
from herdbook.simulate.stage.floors import Ground
from herdbook.simulate.stage.gestures import Gesture
from herdbook.simulate.stage.hides import Hide
from herdbook.simulate.stage.parts import Head, Part, draw_head, draw_trunk
from herdbook.simulate.stage.species import Species

FINE = 1.6
"""Texels of a texture per texel of the floor."""
TURNS = 480
SUBTEXELS = 4
BREATHS = 250
PATCHES_KEPT = 768
_SHADOW = 0.42
_HEIGHT_M = {Attitude.LATERAL: 0.02, Attitude.STERNAL: 0.03, Attitude.SITTING: 0.06, Attitude.UPRIGHT: 0.08}
_ORDER = {Attitude.LATERAL: 0, Attitude.STERNAL: 1, Attitude.SITTING: 2, Attitude.UPRIGHT: 3}


@dataclass(frozen=True)
class _Patch:
    """A turned part: ``rgb`` times opacity, what is left of the ground ``[h, w, 3]``, where it is opaque, the place of
    its anchor's texel in it, and its shadow, some texels larger on every side."""

    rgb: Image
    rest: Image
    mask: NDArray[np.bool_]
    left: int
    top: int
    shade: Image


_Placed = tuple[_Patch, int, int]
"""A patch, and the texel of its upper left corner: column, row."""


class Painter:
    """Draws the animals of one pen on one day. ``dirt [n]`` is the dirty share of each."""

    def __init__(self, species: Species, animals: tuple[Animal, ...], dirt: Floats, raster: Ground) -> None:
        self._cv2 = opencv()
        self._species, self._animals, self._dirt, self._raster = species, animals, dirt, raster
        self._parts: dict[tuple[int, Trunk | Head], Part] = {}
        self._marked = np.zeros(raster.shape[0] * raster.shape[1], bool)
        self._soft = max(1, round(0.05 * raster.per_metre))
        self._patch = lru_cache(maxsize=PATCHES_KEPT)(self._draw_patch)

    def paint(self, gestures: list[Gesture], floor: Image) -> tuple[Image, NDArray[np.uint8], list[NDArray[np.int64]]]:
        """The floor with the animals on it, 0 or an animal's number from 1, and each one's texels, hidden or not
        (indices into the flattened raster)."""
        picture, labels = floor.copy(), np.zeros(floor.shape[:2], np.uint8)
        whole: list[NDArray[np.int64]] = [np.zeros(0, np.int64)] * len(gestures)
        for i in sorted(range(len(gestures)), key=lambda k: (_ORDER[gestures[k].trunk.attitude], k)):
            whole[i] = self._one(i, gestures[i], picture, labels)
        return picture, labels, whole

    def _one(self, i: int, gesture: Gesture, picture: Image, labels: NDArray[np.uint8]) -> NDArray[np.int64]:
        animal = self._animals[i]
        reach = (self._species.neck - 0.02) * animal.length_m / 2
        if gesture.trunk.attitude is Attitude.SITTING:
            reach *= 0.84
        centre = np.array([gesture.x, gesture.y])
        neck = centre + reach * np.array([np.cos(gesture.heading), np.sin(gesture.heading)])
        body = self._placed(i, gesture.trunk, centre, gesture.heading, gesture.breath)
        head = self._placed(i, gesture.head, neck, gesture.heading + gesture.yaw, 1.0)
        # a raised head covers the shoulders, a lowered one is covered by them; tucked, it lies upon the flank
        over = gesture.head is not Head.DOWN or abs(gesture.yaw) > 1.2
        shadow = max(1, round(_HEIGHT_M[gesture.trunk.attitude] * self._raster.per_metre))
        for patch, x, y in (body, head):
            self._shade(patch, x + shadow - self._soft, y + shadow - self._soft, picture)
        one, other = (self._lay(placed, picture, labels, i + 1) for placed in ((body, head) if over else (head, body)))
        self._marked[one] = True
        twice = self._marked[other]
        self._marked[one] = False
        return np.concatenate([one, other[~twice]])

    def _placed(self, i: int, part: Trunk | Head, at: Floats, heading: float, breath: float) -> _Placed:
        """A patch, and the texel of its upper left corner."""
        x, y = np.rint(self._raster.texels(at) * SUBTEXELS).astype(int)
        turn = round(heading / (2 * np.pi) * TURNS) % TURNS
        patch = self._patch(i, part, turn, (int(x) % SUBTEXELS, int(y) % SUBTEXELS), round((breath - 1) * BREATHS))
        return patch, int(x) // SUBTEXELS - patch.left, int(y) // SUBTEXELS - patch.top

    def _draw_patch(self, i: int, part: Trunk | Head, turn: int, sub: tuple[int, int], breath: int) -> _Patch:
        cv2, drawn = self._cv2, self._part(i, part)
        rows, columns = drawn.texture.shape[:2]
        angle, fine = 2 * np.pi * turn / TURNS, self._raster.per_metre / drawn.texels
        c, s, wide = np.cos(angle) * fine, np.sin(angle) * fine, 1 + breath / BREATHS
        linear = np.array([[c, -s * wide], [s, c * wide]])
        corners = (np.array([[0, 0], [columns, 0], [0, rows], [columns, rows]]) - drawn.anchor) @ linear.T
        low, high = np.floor(corners.min(axis=0)).astype(int) - 2, np.ceil(corners.max(axis=0)).astype(int) + 2
        shift = np.array(sub) / SUBTEXELS - linear @ np.array(drawn.anchor) - low
        width, height = (high - low).tolist()
        turned = cv2.warpAffine(
            drawn.texture, np.column_stack([linear, shift]), (width, height), flags=cv2.INTER_LINEAR
        )
        x, y, w, h = cv2.boundingRect(turned[..., 3])
        turned = turned[y : y + h, x : x + w]
        opaque = np.ascontiguousarray(turned[..., 3])
        soft = self._soft
        edged = cv2.copyMakeBorder(opaque, soft, soft, soft, soft, cv2.BORDER_CONSTANT, value=0)
        shade = cv2.convertScaleAbs(cv2.blur(edged, (2 * soft + 1, 2 * soft + 1)), alpha=-_SHADOW, beta=255)
        return _Patch(
            np.ascontiguousarray(turned[..., :3]),
            cv2.merge([255 - opaque] * 3),
            opaque > 127,
            int(-low[0] - x),
            int(-low[1] - y),
            cv2.merge([shade] * 3),
        )

    def _shade(self, patch: _Patch, x: int, y: int, picture: Image) -> None:
        place = _cut(picture, x, y, patch.shade)
        if place is not None:
            ground, part = place
            self._cv2.multiply(ground, patch.shade[part], ground, scale=1 / 255)

    def _lay(self, placed: _Placed, picture: Image, labels: NDArray[np.uint8], n: int) -> NDArray[np.int64]:
        patch, x, y = placed
        place = _cut(picture, x, y, patch.rgb)
        if place is None:
            return np.zeros(0, np.int64)
        ground, part = place
        self._cv2.multiply(ground, patch.rest[part], ground, scale=1 / 255)
        self._cv2.add(ground, patch.rgb[part], ground)
        rows, columns = np.nonzero(patch.mask[part])
        flat = (rows + max(y, 0)) * labels.shape[1] + columns + max(x, 0)
        labels.reshape(-1)[flat] = n
        return np.asarray(flat, np.int64)

    def _part(self, i: int, part: Trunk | Head) -> Part:
        if (i, part) not in self._parts:
            animal = self._animals[i]
            assert isinstance(animal.coat, Hide), "animals on a stage have hides"
            draw = {"dirt": float(self._dirt[i]), "texels": FINE * self._raster.per_metre}
            if isinstance(part, Trunk):
                drawn = draw_trunk(self._species, animal.body, animal.coat, part, **draw)
            else:
                drawn = draw_head(self._species, animal.body, animal.coat, part, **draw)
            self._parts[i, part] = drawn
        return self._parts[i, part]


def _cut(picture: Image, x: int, y: int, patch: Image) -> tuple[Image, tuple[slice, slice]] | None:
    """The part of a picture under a patch at (x, y), and the part of the patch that lies in the picture."""
    h, w = patch.shape[:2]
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + w, picture.shape[1]), min(y + h, picture.shape[0])
    if x0 >= x1 or y0 >= y1:
        return None
    return picture[y0:y1, x0:x1], (slice(y0 - y, y1 - y), slice(x0 - x, x1 - x))
