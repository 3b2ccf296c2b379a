"""What annotations must be before anything is learnt from them: one clear error and nothing imported, or all."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from herdbook.contracts.ethogram import Ethogram
from herdbook.errors import BoxOutsideFrameError, EmptyDatasetError, FileFormatError, UnknownClassError
from herdbook.learning.formats.annotations import BEHAVIOUR, PERSON, Annotations, Box, Shape, Value

TOLERANCE_PX = 1.0
"""How far a box may reach beyond the frame by rounding; it is cut there."""


def checked(
    annotations: Annotations,
    ethogram: Ethogram,
    *,
    rename: Mapping[str, str] | None = None,
    cut: bool = False,
) -> Annotations:
    """Annotations that a dataset can take.

    Args:
        annotations: as read.
        ethogram: names the animals' label (its species) and the behaviours; raw ones become its own.
        rename: labels of the file and what they are here, for example ``{"swine": "pig"}``.
        cut: whether boxes partly outside the frame are cut at its edge instead of refused.

    Raises:
        EmptyDatasetError: there is no picture, or nothing is drawn on any.
        UnknownClassError: a label is neither the species nor ``person``, or the ethogram does not know a behaviour.
        BoxOutsideFrameError: a box reaches outside the frame, or lies there altogether.
        FileFormatError: a box has no area, or a track is twice on one picture.
    """
    if not annotations.pictures or not annotations.shapes:
        what = "nothing is drawn on its pictures" if annotations.pictures else "it has no pictures"
        raise EmptyDatasetError(f"{annotations.source} is empty: {what}")
    names = rename or {}
    shapes = tuple(replace(shape, label=names.get(shape.label, shape.label)) for shape in annotations.shapes)
    _check_labels(annotations.source, shapes, {ethogram.species, PERSON})
    shapes = tuple(_with_behaviour(annotations.source, shape, ethogram) for shape in shapes)
    sizes = {picture.name: (picture.width, picture.height) for picture in annotations.pictures}
    shapes, reaching = _within(annotations.source, shapes, sizes, cut)
    _check_tracks(annotations.source, shapes)
    remarks = annotations.remarks + ((f"{reaching} boxes were cut at the frame's edge",) if reaching else ())
    labels = tuple(dict.fromkeys(names.get(label, label) for label in annotations.labels))
    return replace(annotations, shapes=shapes, labels=labels, remarks=remarks)


def _check_labels(source: str, shapes: tuple[Shape, ...], known: Collection[str]) -> None:
    wrong = [shape for shape in shapes if shape.label not in known]
    if wrong:
        raise UnknownClassError(
            f"{source}: {wrong[0].picture}: the class '{wrong[0].label}' is not one of {', '.join(sorted(known))} "
            f"({len(wrong)} such shapes)",
            f"Say what it is with --label {wrong[0].label}=…, or choose another ethogram; nothing was imported.",
        )


def _with_behaviour(source: str, shape: Shape, ethogram: Ethogram) -> Shape:
    said = shape.attribute(BEHAVIOUR)
    if said is None or said in ethogram.names:
        return shape
    name = ethogram.from_raw(said)
    if name is None:
        raise UnknownClassError(
            f"{source}: {shape.picture}: ethogram {ethogram.ethogram_id} does not know the behaviour '{said}'",
            "Correct the annotation, or add the label to a new version of the ethogram; nothing was imported.",
        )
    attributes: dict[str, Value] = {**shape.attributes, BEHAVIOUR: name}
    return replace(shape, attributes=attributes)


def _within(
    source: str, shapes: tuple[Shape, ...], sizes: Mapping[str, tuple[int, int]], cut: bool
) -> tuple[tuple[Shape, ...], int]:
    """Shapes inside their pictures, and how many were cut by more than rounding."""
    found, refused, reaching = [], [], 0
    for shape in shapes:
        if not np.isfinite(shape.box).all() or min(shape.box[2:]) <= 0:
            raise FileFormatError(f"{source}: {shape.picture}: the box {_shown(shape.box)} has no area")
        box, over = clipped(shape.box, *sizes[shape.picture])
        if min(box[2:]) <= 0 or (over > TOLERANCE_PX and not cut):
            refused.append(shape)
        reaching += over > TOLERANCE_PX
        found.append(shape if over == 0 else replace(shape, box=box))
    if refused:
        first = refused[0]
        width, height = sizes[first.picture]
        raise BoxOutsideFrameError(
            f"{source}: {first.picture}: the box {_shown(first.box)} reaches outside the frame of {width} x {height} "
            f"({len(refused)} such boxes)"
        )
    return tuple(found), reaching


def clipped(box: Box, width: int, height: int) -> tuple[Box, float]:
    """The part of a box inside the frame, and by how many pixels it reached out."""
    x0, y0, x1, y1 = box[0], box[1], box[0] + box[2], box[1] + box[3]
    over = max(-x0, -y0, x1 - width, y1 - height, 0.0)
    if over == 0:
        return box, 0.0
    x0, y0, x1, y1 = max(x0, 0.0), max(y0, 0.0), min(x1, float(width)), min(y1, float(height))
    return (x0, y0, x1 - x0, y1 - y0), over


def _check_tracks(source: str, shapes: tuple[Shape, ...]) -> None:
    seen: set[tuple[str, str, str]] = set()
    for shape in shapes:
        if shape.track is None:
            continue
        key = (shape.picture, shape.label, shape.track)
        if key in seen:
            raise FileFormatError(f"{source}: {shape.picture}: the {shape.label} {shape.track} is there twice")
        seen.add(key)


def _shown(box: Box) -> str:
    return "(" + ", ".join(f"{value:g}" for value in box) + ")"
