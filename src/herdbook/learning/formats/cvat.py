"""CVAT 1.1 XML: "for images" and "for video", out and back without loss.

Source: https://docs.cvat.ai/docs/manual/advanced/xml_format/. Images hold ``box``, ``polygon`` and ``mask``; a video
holds ``track`` elements whose shapes count frames from 0. Between a track's frames that are not listed, boxes are
interpolated as CVAT does it, linearly; ``outside`` ends an animal's presence. What CVAT has no element for travels as
attributes: ``track_id`` of images, and ``instance``, which joins the polygons of one animal. An outline's box is the
one around it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

from herdbook.errors import FileFormatError
from herdbook.learning.formats.annotations import Annotations, Box, Picture, Shape, Value, bounds_of
from herdbook.learning.formats.rle import Rle
from herdbook.learning.formats.source import read_text

TRACK, INSTANCE = "track_id", "instance"
_DRAWN = ("box", "polygon", "mask")
_EXPECTED = "Export it from CVAT as 'CVAT for images 1.1' or 'CVAT for video 1.1'."


def read_cvat(path: Path) -> Annotations:
    """Read an ``annotations.xml``.

    Raises:
        NotFoundError, InputError: it cannot be read.
        FileFormatError: it is not CVAT 1.1, or holds shapes other than boxes, polygons and masks.
    """
    return parse_cvat(read_text(path), str(path))


def parse_cvat(text: str, source: str) -> Annotations:
    """The same from its content; ``source`` names it in messages."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:  # no entities: a small file could say gigabytes
        raise FileFormatError(f"{source} declares a document type", _EXPECTED)
    try:
        root = Xml.fromstring(text)  # noqa: S314
    except Xml.ParseError as error:
        raise FileFormatError(f"{source} is not XML: {error}", _EXPECTED) from error
    if root.tag != "annotations" or root.findtext("version") not in ("1.1", "1.0"):
        raise FileFormatError(f"{source} is not CVAT 1.1: it starts <{root.tag}>", _EXPECTED)
    try:
        return _Reader(source, root).read()
    except (KeyError, ValueError) as error:
        raise FileFormatError(f"{source}: an element lacks or misspells {error}", _EXPECTED) from error


class _Reader:
    """Turns one document into annotations; a missing or wrong number is a KeyError or ValueError."""

    def __init__(self, source: str, root: Xml.Element) -> None:
        self.source, self.root = source, root
        self.meta = root.find("meta")
        self.kinds: dict[tuple[str, str], str] = {}
        self.labels: dict[str, None] = {}
        for label in root.iterfind("meta//label"):
            name = label.findtext("name") or ""
            self.labels[name] = None
            for attribute in label.iterfind("attributes/attribute"):
                self.kinds[name, attribute.findtext("name") or ""] = attribute.findtext("input_type") or "text"

    def read(self) -> Annotations:
        images = self.root.findall("image")
        tracks = self.root.findall("track")
        if images and tracks:
            raise FileFormatError(f"{self.source} holds images and tracks at once", _EXPECTED)
        pictures, shapes = self._video(tracks) if tracks or self._is_video() else self._images(images)
        for shape in shapes:
            self.labels.setdefault(shape.label)
        meta = Xml.tostring(self.meta, encoding="unicode") if self.meta is not None else None
        extra = {"cvat": {"video": not images and (bool(tracks) or self._is_video()), "meta": meta}}
        return Annotations(self.source, tuple(pictures), tuple(self.labels), tuple(shapes), extra)

    def _is_video(self) -> bool:
        return self.root.findtext("meta/task/mode") == "interpolation"

    def _images(self, images: list[Xml.Element]) -> tuple[list[Picture], list[Shape]]:
        pictures, shapes = [], []
        for image in images:
            name, width, height = image.attrib["name"], int(image.attrib["width"]), int(image.attrib["height"])
            rest = {k: v for k, v in image.attrib.items() if k not in ("name", "width", "height")}
            tags = [Xml.tostring(tag, encoding="unicode").strip() for tag in image.iterfind("tag")]
            pictures.append(Picture(name, width, height, {"cvat": {"said": rest, "tags": tags}}))
            drawn = [self._shape(e, e.attrib["label"], name, width, height) for e in self._drawn(image, ("tag",))]
            shapes += _joined(drawn)
        if len({picture.name for picture in pictures}) != len(pictures):
            raise FileFormatError(f"{self.source}: two images have the same name", "Give every image its own.")
        return pictures, shapes

    def _video(self, tracks: list[Xml.Element]) -> tuple[list[Picture], list[Shape]]:
        size = self.root.find("meta/task/original_size")
        if size is None:
            size = self.root.find("meta/original_size")
        if size is None:
            raise FileFormatError(f"{self.source} does not say the video's size (meta/task/original_size)", _EXPECTED)
        width, height = int(size.findtext("width") or ""), int(size.findtext("height") or "")
        drawn = [shape for track in tracks for shape in self._track(track, width, height)]
        said = self.root.findtext("meta/task/size")
        frames = int(said) if said else 1 + max((int(s.extra["frame"]) for s in drawn), default=-1)
        names = [f"frame_{frame + 1:06d}" for frame in range(frames)]
        if any(int(s.extra["frame"]) >= frames for s in drawn):
            raise FileFormatError(f"{self.source}: a shape lies after the video's {frames} frames", _EXPECTED)
        shapes = [replace(s, picture=names[s.extra["frame"]], extra=_without(s.extra, "frame")) for s in drawn]
        return [Picture(name, width, height) for name in names], shapes

    def _track(self, track: Xml.Element, width: int, height: int) -> list[Shape]:
        found: list[Shape] = []
        last: tuple[int, Shape] | None = None
        for element in sorted(self._drawn(track), key=lambda e: int(e.attrib["frame"])):
            frame = int(element.attrib["frame"])
            shape = self._shape(element, track.attrib["label"], "", width, height)
            shape = replace(shape, track=track.attrib["id"], extra={**shape.extra, "frame": frame})
            if last is not None:
                found += _between(last, (frame, shape))
            if element.attrib.get("outside") == "1":
                last = None
            else:
                found.append(shape)
                last = (frame, shape)
        return found

    def _drawn(self, parent: Xml.Element, others: tuple[str, ...] = ()) -> list[Xml.Element]:
        for element in parent:
            if element.tag not in (*_DRAWN, *others):
                raise FileFormatError(
                    f"{self.source}: <{element.tag}> in {parent.attrib.get('name', 'a track')} is not a box, "
                    "polygon or mask",
                    "Draw animals as boxes, polygons or masks; nothing was imported.",
                )
        return [element for element in parent if element.tag in _DRAWN]

    def _shape(self, element: Xml.Element, label: str, picture: str, width: int, height: int) -> Shape:
        said = dict(element.attrib)
        attributes: dict[str, Value] = {}
        for attribute in element.iterfind("attribute"):
            name = attribute.attrib["name"]
            attributes[name] = _typed(attribute.text or "", self.kinds.get((label, name), "text"))
        track = attributes.pop(TRACK, None)
        box, polygons, mask = self._geometry(element, said, width, height)
        known = ("label", "frame", "outside", "occluded", "xtl", "ytl", "xbr", "ybr", "points")
        rest = {k: v for k, v in said.items() if k not in (*known, "rle", "left", "top", "width", "height")}
        return Shape(
            picture,
            label,
            box,
            polygons,
            mask,
            None if track in (None, "") else str(track),
            said.get("occluded") == "1",
            attributes,
            {"cvat": rest} if rest else {},
        )

    def _geometry(
        self, element: Xml.Element, said: Mapping[str, str], width: int, height: int
    ) -> tuple[Box, tuple[tuple[float, ...], ...], Rle | None]:
        if element.tag == "box":
            if float(said.get("rotation", 0)):
                raise FileFormatError(f"{self.source}: a box is rotated", "Draw it as a polygon.")
            left, top = float(said["xtl"]), float(said["ytl"])
            return (left, top, float(said["xbr"]) - left, float(said["ybr"]) - top), (), None
        if element.tag == "polygon":
            polygon = tuple(float(number) for point in said["points"].split(";") for number in point.split(","))
            if len(polygon) < 6 or len(polygon) % 2:
                raise FileFormatError(f"{self.source}: a polygon has fewer than three corners")
            return bounds_of([polygon]), (polygon,), None
        mask = _mask(self.source, said, width, height)
        return mask.bounds(), (), mask


def _mask(source: str, said: Mapping[str, str], width: int, height: int) -> Rle:
    """CVAT counts along the rows of the mask's own box."""
    import numpy as np

    left, top, w, h = (int(said[name]) for name in ("left", "top", "width", "height"))
    counts = [int(count) for count in said["rle"].split(",") if count.strip()]
    if min(left, top, w, h, *counts) < 0 or left + w > width or top + h > height or sum(counts) != w * h:
        raise FileFormatError(f"{source}: a mask's runs do not fill its box, or it lies outside the picture")
    whole = np.zeros((height, width), dtype=bool)
    inside = np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(h, w)
    whole[top : top + h, left : left + w] = inside
    return Rle.encode(whole)


def _between(before: tuple[int, Shape], after: tuple[int, Shape]) -> list[Shape]:
    """Boxes of the frames that the file leaves out between two listed ones."""
    (start, first), (end, last) = before, after
    found = []
    for frame in range(start + 1, end):
        share = (frame - start) / (end - start)
        if first.polygons or first.mask:
            box = first.box
        else:
            a, b = first.box, last.box
            box = (
                a[0] + share * (b[0] - a[0]),
                a[1] + share * (b[1] - a[1]),
                a[2] + share * (b[2] - a[2]),
                a[3] + share * (b[3] - a[3]),
            )
        cvat = {**first.extra.get("cvat", {}), "keyframe": "0"}
        found.append(replace(first, box=box, extra={**first.extra, "frame": frame, "cvat": cvat}))
    return found


def _joined(shapes: list[Shape]) -> list[Shape]:
    """Polygons of one picture that share an `INSTANCE` are one animal's."""
    found: list[Shape] = []
    places: dict[Value, int] = {}
    for shape in shapes:
        instance = shape.attributes.get(INSTANCE)
        if instance in (None, ""):
            found.append(shape)
            continue
        assert instance is not None
        if instance in places:
            at = places[instance]
            polygons = found[at].polygons + shape.polygons
            found[at] = replace(found[at], polygons=polygons, box=bounds_of(polygons))
        else:
            places[instance] = len(found)
            found.append(replace(shape, attributes=_without(shape.attributes, INSTANCE)))
    return found


def _typed(text: str, kind: str) -> Value:
    if kind == "checkbox":
        return text == "true"
    if kind == "number":
        number = float(text)
        return int(number) if number.is_integer() and "." not in text else number
    return text


def _without(mapping: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {k: v for k, v in mapping.items() if k != key}
