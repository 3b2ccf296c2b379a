"""What people drew on pictures: boxes, outlines and masks with labels, whatever tool they used.

`Tracks` say who is where; annotations also say of which picture, with which outline, and what the annotator noted.
Attributes with a meaning here: ``behaviour`` (by the ethogram) and ``animal`` (the animal's id).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from herdbook.learning.formats.rle import Mask, Rle, fill_polygons
from herdbook.learning.formats.tracks import Tracks

Box = tuple[float, float, float, float]
"""``x, y, width, height`` in pixels of the full frame, x and y of the top-left corner."""
Value = str | int | float | bool
NOTHING: Mapping[str, Any] = MappingProxyType({})


def _nothing() -> Mapping[str, Any]:
    return NOTHING


BEHAVIOUR, ANIMAL = "behaviour", "animal"
PERSON = "person"
"""The label of people, whose pixels are no business of ours."""


@dataclass(frozen=True)
class Picture:
    """A picture that somebody looked at, whether or not there was something to draw."""

    name: str
    """Relative path, unique; with folders separated by ``/``."""
    width: int
    height: int
    extra: Mapping[str, Any] = field(default_factory=_nothing, hash=False)
    """What else the file says of it, kept for the way back."""


@dataclass(frozen=True)
class Shape:
    """One thing drawn on one picture."""

    picture: str
    label: str
    box: Box
    polygons: tuple[tuple[float, ...], ...] = ()
    """``x0, y0, x1, y1, …`` each; none if only a box or a mask was drawn."""
    mask: Rle | None = None
    track: str | None = None
    """What makes it the same animal as on other pictures."""
    occluded: bool = False
    attributes: Mapping[str, Value] = field(default_factory=_nothing, hash=False)
    extra: Mapping[str, Any] = field(default_factory=_nothing, hash=False)

    def attribute(self, name: str) -> str | None:
        """An attribute as text; none where it is absent or empty."""
        value = self.attributes.get(name)
        return None if value is None or value == "" else str(value)

    def pixels(self, height: int, width: int) -> Mask | None:
        """The mask drawn, or the inside of its outline; none where only a box was drawn."""
        if self.mask is not None:
            return self.mask.decode()
        return fill_polygons(self.polygons, height, width) if self.polygons else None


@dataclass(frozen=True)
class Annotations:
    """All that one file says."""

    source: str
    """The file, for messages."""
    pictures: tuple[Picture, ...]
    labels: tuple[str, ...]
    """Every label that may be used, in the file's order."""
    shapes: tuple[Shape, ...]
    extra: Mapping[str, Any] = field(default_factory=_nothing)
    remarks: tuple[str, ...] = ()
    """What had to be decided while reading, for people."""

    def of_picture(self) -> dict[str, list[Shape]]:
        """Shapes by the picture's name; every picture has an entry."""
        found: dict[str, list[Shape]] = {picture.name: [] for picture in self.pictures}
        for shape in self.shapes:
            found[shape.picture].append(shape)
        return found


def bounds_of(polygons: Iterable[tuple[float, ...]]) -> Box:
    """The box around polygons."""
    xs = [x for polygon in polygons for x in polygon[::2]]
    ys = [y for polygon in polygons for y in polygon[1::2]]
    return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)


def from_tracks(tracks: Tracks, source: str, label: str, size: tuple[int, int], prefix: str = "") -> Annotations:
    """Tracks of one video as annotations of its frames, named ``<prefix>frame_000123`` counted from 1.

    Frames that the file speaks of without a box are pictures without shapes. Where it speaks of every frame, those with
    boxes count: how long the video is, it does not say.
    """
    stated = tracks.stated if tracks.stated is not None else tracks.frames
    names = {
        int(frame): frame_name(int(frame), prefix) for frame in sorted({*stated.tolist(), *tracks.frames.tolist()})
    }
    behaviours = tracks.behaviours or (None,) * len(tracks)
    shapes = tuple(
        Shape(
            names[int(frame)],
            label,
            (float(box[0]), float(box[1]), float(box[2]), float(box[3])),
            track=tracks.names[int(identity)],
            attributes=MappingProxyType({BEHAVIOUR: behaviour}) if behaviour else NOTHING,
        )
        for frame, identity, box, behaviour in zip(tracks.frames, tracks.ids, tracks.boxes, behaviours, strict=True)
    )
    pictures = tuple(Picture(name, *size) for name in names.values())
    return Annotations(source, pictures, (label,), shapes, remarks=tracks.remarks)


def frame_name(frame: int, prefix: str = "") -> str:
    """The name of a video's frame, counted from 1."""
    return f"{prefix}frame_{frame:06d}"
