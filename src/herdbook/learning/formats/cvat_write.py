"""Annotations as CVAT 1.1 XML: what `cvat` reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as Xml

import numpy as np

from herdbook.errors import InputError
from herdbook.learning.formats.annotations import Annotations, Shape, Value
from herdbook.learning.formats.cvat import INSTANCE, TRACK
from herdbook.learning.formats.rle import Rle


def cvat_bytes(annotations: Annotations, *, video: bool | None = None) -> bytes:
    """Annotations as CVAT XML.

    Args:
        annotations: what to write.
        video: as tracks of one video, whose pictures are its frames in order; as the file was read if not given.

    Raises:
        InputError: a video was asked for, and a shape belongs to no track, a picture has another size, or an animal is
            twice in a frame.
    """
    said = annotations.extra.get("cvat", {})
    video = bool(said.get("video")) if video is None else video
    root = Xml.Element("annotations")
    Xml.SubElement(root, "version").text = "1.1"
    kinds = _kinds(annotations)
    root.append(Xml.fromstring(said["meta"]) if said.get("meta") else _meta(annotations, kinds, video))  # noqa: S314
    if video:
        _tracks(root, annotations)
    else:
        _images(root, annotations)
    Xml.indent(root, " ")
    text: str = Xml.tostring(root, encoding="unicode")
    return f"<?xml version='1.0' encoding='utf-8'?>\n{text}\n".encode()


def _kinds(annotations: Annotations) -> dict[str, dict[str, str]]:
    """How CVAT asks for each attribute of each label."""
    kinds: dict[str, dict[str, str]] = {label: {} for label in annotations.labels}
    for shape in annotations.shapes:
        mine = kinds[shape.label]
        for name, value in shape.attributes.items():
            kind = "checkbox" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"
            mine[name] = kind if mine.get(name, kind) == kind else "text"
        if shape.track is not None:
            mine[TRACK] = "text"
        if len(shape.polygons) > 1:
            mine[INSTANCE] = "text"
    return kinds


def _meta(annotations: Annotations, kinds: Mapping[str, Mapping[str, str]], video: bool) -> Xml.Element:
    meta = Xml.Element("meta")
    task = Xml.SubElement(meta, "task")
    Xml.SubElement(task, "size").text = str(len(annotations.pictures))
    Xml.SubElement(task, "mode").text = "interpolation" if video else "annotation"
    labels = Xml.SubElement(task, "labels")
    for name in annotations.labels:
        label = Xml.SubElement(labels, "label")
        Xml.SubElement(label, "name").text = name
        attributes = Xml.SubElement(label, "attributes")
        for attribute, kind in kinds[name].items():
            entry = Xml.SubElement(attributes, "attribute")
            Xml.SubElement(entry, "name").text = attribute
            Xml.SubElement(entry, "mutable").text = "True"
            Xml.SubElement(entry, "input_type").text = kind
    if video and annotations.pictures:
        size = Xml.SubElement(task, "original_size")
        Xml.SubElement(size, "width").text = str(annotations.pictures[0].width)
        Xml.SubElement(size, "height").text = str(annotations.pictures[0].height)
    return meta


def _images(root: Xml.Element, annotations: Annotations) -> None:
    drawn = annotations.of_picture()
    for number, picture in enumerate(annotations.pictures):
        said = picture.extra.get("cvat", {})
        rest = said.get("said", {"id": str(number)})
        size = {"width": str(picture.width), "height": str(picture.height)}
        image = Xml.SubElement(root, "image", {**rest, "name": picture.name, **size})
        for k, shape in enumerate(drawn[picture.name]):
            parts = shape.polygons if len(shape.polygons) > 1 else (None,)
            for part in parts:
                one = shape if part is None else replace(shape, polygons=(part,))
                extra: dict[str, Value] = {} if part is None else {INSTANCE: str(k)}
                if shape.track is not None:
                    extra[TRACK] = shape.track
                _draw(image, one, {"label": shape.label}, extra)
        for tag in said.get("tags", ()):
            image.append(Xml.fromstring(tag))  # noqa: S314


def _tracks(root: Xml.Element, annotations: Annotations) -> None:
    frames = {picture.name: number for number, picture in enumerate(annotations.pictures)}
    if len({(p.width, p.height) for p in annotations.pictures}) > 1:
        raise InputError(f"{annotations.source}: its pictures differ in size: it is no video", "Export as images.")
    tracks: dict[tuple[str, str], dict[int, Shape]] = defaultdict(dict)
    for shape in annotations.shapes:
        if shape.track is None or len(shape.polygons) > 1:
            raise InputError(
                f"{annotations.source}: a shape on {shape.picture} belongs to no track, or has several outlines",
                "Export as images.",
            )
        frame = frames[shape.picture]
        if frame in tracks[shape.track, shape.label]:
            raise InputError(f"{annotations.source}: track {shape.track} is twice on {shape.picture}")
        tracks[shape.track, shape.label][frame] = shape
    for (identity, label), shapes in tracks.items():
        track = Xml.SubElement(root, "track", {"id": identity, "label": label})
        for frame, shape in sorted(shapes.items()):
            said = {"frame": str(frame), "outside": "0", "keyframe": "1"}
            _draw(track, shape, said, {})
            if frame + 1 not in shapes and frame + 1 < len(frames):
                _draw(track, shape, {**said, "frame": str(frame + 1), "outside": "1"}, {})


def _draw(parent: Xml.Element, shape: Shape, said: dict[str, str], attributes: Mapping[str, Value]) -> None:
    kept: dict[str, Any] = dict(shape.extra.get("cvat", {}))
    if said.get("outside") == "1":
        kept.pop("keyframe", None)
    given = {"occluded": str(int(shape.occluded)), **said, **kept}
    if shape.mask is not None:
        element = Xml.SubElement(parent, "mask", {**given, **_runs(shape.mask)})
    elif shape.polygons:
        xs, ys = shape.polygons[0][::2], shape.polygons[0][1::2]
        points = ";".join(f"{x!r},{y!r}" for x, y in zip(xs, ys, strict=True))
        element = Xml.SubElement(parent, "polygon", {**given, "points": points})
    else:
        x, y, w, h = shape.box
        corners = {"xtl": repr(x), "ytl": repr(y), "xbr": repr(x + w), "ybr": repr(y + h)}
        element = Xml.SubElement(parent, "box", {**given, **corners})
    for name, value in {**shape.attributes, **attributes}.items():
        written = str(value).lower() if isinstance(value, bool) else str(value)
        Xml.SubElement(element, "attribute", {"name": name}).text = written


def _runs(mask: Rle) -> dict[str, str]:
    x, y, w, h = (int(v) for v in mask.bounds())
    flat = mask.decode()[y : y + h, x : x + w].ravel()
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    counts = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
    if flat.size and flat[0]:
        counts = [0, *counts]
    box = {"left": str(x), "top": str(y), "width": str(w), "height": str(h)}
    return {"rle": ", ".join(str(count) for count in counts), **box}
