"""COCO instances: JSON with ``images``, ``annotations`` and ``categories``, out and back without loss.

Source: https://cocodataset.org/#format-data. ``attributes`` of an annotation (as CVAT writes them) carry behaviour,
animal, ``occluded`` and ``track_id``; keys that nobody here understands are kept and written again. Compressed masks
come back as uncompressed run lengths: the same pixels.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from herdbook.contracts.validation import first_problem
from herdbook.errors import FileFormatError
from herdbook.learning.formats.annotations import NOTHING, Annotations, Box, Picture, Shape, Value
from herdbook.learning.formats.rle import Rle, counts_from_text
from herdbook.learning.formats.source import read_bytes

_OURS = {"id", "cvat", "track_is_number", "occluded_said"}
"""Keys of ``extra`` that are not written as they are."""
_EXPECTED = "Expected: COCO instances with images, annotations and categories."


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)

    @property
    def rest(self) -> Mapping[str, Any]:
        return self.model_extra or NOTHING


class _Image(_Kept):
    id: int | str
    file_name: str
    width: Annotated[int, Field(gt=0)]
    height: Annotated[int, Field(gt=0)]


class _Category(_Kept):
    id: int
    name: str


class _Annotation(_Kept):
    id: int | str
    image_id: int | str
    category_id: int
    bbox: tuple[float, float, float, float]
    segmentation: list[list[float]] | dict[str, Any] | None = None
    attributes: dict[str, str | bool | int | float | None] = Field(default_factory=dict)


class _Coco(_Kept):
    images: list[_Image]
    annotations: list[_Annotation] = Field(default_factory=list)
    categories: list[_Category] = Field(default_factory=list)


def read_coco(path: Path) -> Annotations:
    """Read a COCO file.

    Raises:
        NotFoundError, InputError: it cannot be read.
        FileFormatError: it is no COCO file, or contradicts itself.
    """
    return parse_coco(read_bytes(path), str(path))


def parse_coco(raw: bytes, source: str) -> Annotations:
    """The same from its content; ``source`` names it in messages."""
    try:
        coco = _Coco.model_validate_json(raw)
    except ValidationError as error:
        problem = first_problem(error.errors(), "the file")
        raise FileFormatError(f"{source} is not COCO: {problem}", _EXPECTED) from error
    pictures = {image.id: image for image in coco.images}
    names = {category.id: category.name for category in coco.categories}
    if len(pictures) != len(coco.images) or len({i.file_name for i in coco.images}) != len(coco.images):
        raise FileFormatError(f"{source}: two images have the same id or name", "Give every image its own.")
    shapes = []
    for said in coco.annotations:
        where = f"{source}: annotation {said.id}"
        if said.image_id not in pictures or said.category_id not in names:
            missing = f"image {said.image_id}" if said.image_id not in pictures else f"category {said.category_id}"
            raise FileFormatError(f"{where} names {missing}, which the file does not list", _EXPECTED)
        shapes.append(_shape(where, said, pictures[said.image_id], names[said.category_id]))
    extra = dict(coco.rest)
    extra["categories"] = {c.name: {"id": c.id, **c.rest} for c in coco.categories}
    return Annotations(
        source,
        tuple(Picture(i.file_name, i.width, i.height, {"id": i.id, **i.rest}) for i in coco.images),
        tuple(dict.fromkeys(names.values())),
        tuple(shapes),
        extra,
    )


def _shape(where: str, said: _Annotation, image: _Image, label: str) -> Shape:
    attributes: dict[str, Value] = {k: v for k, v in said.attributes.items() if v is not None}
    track = attributes.pop("track_id", None)
    occluded = attributes.pop("occluded", None)
    extra: dict[str, Any] = {"id": said.id, **said.rest}
    polygons: tuple[tuple[float, ...], ...] = ()
    mask = None
    if isinstance(said.segmentation, dict):
        mask = _mask(where, said.segmentation, image)
    elif said.segmentation:
        polygons = tuple(tuple(polygon) for polygon in said.segmentation)
        if any(len(polygon) < 6 or len(polygon) % 2 for polygon in polygons):
            raise FileFormatError(f"{where}: a polygon needs at least three corners, x and y of each")
    if track is not None and not isinstance(track, str):
        extra["track_is_number"] = True
    if occluded is not None:
        extra["occluded_said"] = True
    return Shape(
        image.file_name,
        label,
        said.bbox,
        polygons,
        mask,
        None if track is None else str(track),
        bool(occluded),
        attributes,
        extra,
    )


def _mask(where: str, segmentation: dict[str, Any], image: _Image) -> Rle:
    size, counts = segmentation.get("size"), segmentation.get("counts")
    if size != [image.height, image.width]:
        raise FileFormatError(f"{where}: its mask is of size {size}, the image of [{image.height}, {image.width}]")
    if isinstance(counts, str):
        counts = counts_from_text(where, counts)
    if not isinstance(counts, list) or not all(isinstance(count, int) for count in counts):
        raise FileFormatError(f"{where}: its mask has no counts")
    return Rle.checked(where, image.height, image.width, counts)


def coco_bytes(annotations: Annotations) -> bytes:
    """Annotations as COCO JSON, ids kept where the file gave some."""
    extra = dict(annotations.extra)
    known: dict[str, Any] = extra.pop("categories", {})
    extra.pop("cvat", None)
    categories = _numbered({label: known.get(label, {}).get("id") for label in annotations.labels})
    images = _numbered({picture.name: picture.extra.get("id") for picture in annotations.pictures})
    shapes = _numbered({k: shape.extra.get("id") for k, shape in enumerate(annotations.shapes)})
    document = {
        **extra,
        "images": [
            {**_foreign(p.extra), "id": images[p.name], "file_name": p.name, "width": p.width, "height": p.height}
            for p in annotations.pictures
        ],
        "annotations": [
            _said(shape, shapes[k], images[shape.picture], categories[shape.label])
            for k, shape in enumerate(annotations.shapes)
        ],
        "categories": [{**known.get(n, {}), "id": categories[n], "name": n} for n in annotations.labels],
    }
    return (json.dumps(document, ensure_ascii=False) + "\n").encode()


def _said(shape: Shape, number: Any, image: Any, category: Any) -> dict[str, Any]:
    attributes: dict[str, Any] = dict(shape.attributes)
    if shape.occluded or shape.extra.get("occluded_said"):
        attributes["occluded"] = shape.occluded
    if shape.track is not None:
        attributes["track_id"] = int(shape.track) if shape.extra.get("track_is_number") else shape.track
    said = {
        "iscrowd": 0,
        "area": shape.mask.area if shape.mask else shape.box[2] * shape.box[3],
        **_foreign(shape.extra),
        "id": number,
        "image_id": image,
        "category_id": category,
        "bbox": list(_whole(shape.box)),
    }
    if shape.mask is not None:
        size = [shape.mask.height, shape.mask.width]
        said["segmentation"] = {"size": size, "counts": list(shape.mask.counts)}
    elif shape.polygons:
        said["segmentation"] = [list(polygon) for polygon in shape.polygons]
    return {**said, "attributes": attributes} if attributes else said


def _foreign(extra: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in extra.items() if key not in _OURS}


def _whole(box: Box) -> tuple[float, ...]:
    return tuple(int(v) if float(v).is_integer() else v for v in box)


def _numbered(known: Mapping[Any, Any]) -> dict[Any, Any]:
    """Each key's id: the one it had, otherwise the next free number from 1."""
    taken = {value for value in known.values() if value is not None}
    free = (n for n in range(1, len(known) + len(taken) + 2) if n not in taken)
    return {key: value if value is not None else next(free) for key, value in known.items()}
