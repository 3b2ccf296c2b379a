"""Worst frames: where truth and prediction disagree most, and pictures of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from herdbook.contracts.durable import write_durably
from herdbook.edge import video
from herdbook.edge.perception.base import Image
from herdbook.errors import MissingDependencyError
from herdbook.learning.evaluation.annotated import Annotated
from herdbook.learning.evaluation.matching import match
from herdbook.learning.evaluation.report import Failure
from herdbook.learning.formats.tracks import Floats, Ints, Tracks

_TRUE, _SAID = (80, 200, 60), (40, 60, 230)  # BGR: green is so, red is said


def worst_frame(sequence_id: str, truth: Tracks, predicted: Tracks, iou: float) -> Failure | None:
    """The frame with most misses and false positives, the first of equals; none where there is no fault."""
    worst: tuple[int, int, int, int] | None = None
    frames = np.union1d(truth.frames, predicted.frames)
    if truth.stated is not None:
        frames = np.intersect1d(frames, truth.stated)
    for frame in frames.tolist():
        partner = match(truth.boxes[truth.frames == frame], predicted.boxes[predicted.frames == frame], iou)
        misses = int((partner < 0).sum())
        extra = int((predicted.frames == frame).sum()) - int((partner >= 0).sum())
        if misses + extra and (worst is None or misses + extra > worst[0]):
            worst = (misses + extra, frame, misses, extra)
    if worst is None:
        return None
    return Failure(sequence_id=sequence_id, frame=worst[1], misses=worst[2], false_positives=worst[3])


def draw(
    path: Path, clip: Path, frame: int, *, truth: Annotated, predicted: Annotated, classes: tuple[str, ...]
) -> None:
    """Save one frame as PNG: true boxes in green with their behaviour, predicted ones in red with theirs.

    Raises:
        MissingDependencyError: OpenCV is not installed.
        DiskFullError: no space is left.
    """
    try:
        import cv2
    except ImportError as error:
        raise MissingDependencyError("pictures of failures need the extra 'edge' (OpenCV)") from error
    image = _frame(clip, frame)
    if image is None:
        return
    scale = max(1, round(720 / image.shape[0]))
    image = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST), np.uint8)
    for seen, colour, above in ((truth, _TRUE, True), (predicted, _SAID, False)):
        for (x, y, width, height), what in _said(seen, frame):
            a, b = (round(x * scale), round(y * scale)), (round((x + width) * scale), round((y + height) * scale))
            cv2.rectangle(image, a, b, colour, 2)
            text = classes[what] if what >= 0 else "?"
            at = (a[0], a[1] - 4) if above else (a[0], b[1] + 14)
            cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1, cv2.LINE_AA)
    _, png = cv2.imencode(".png", image)
    write_durably(path, png.tobytes())


def _said(seen: Annotated, frame: int) -> list[tuple[Floats, int]]:
    rows: Ints = np.flatnonzero(seen.tracks.frames == frame)
    return [(seen.tracks.boxes[row], int(seen.behaviour[row])) for row in rows]


def _frame(clip: Path, number: int) -> Image | None:
    for count, (_, frame) in enumerate(video.decode(clip), start=1):
        if count == number:
            return video.picture(frame)
    return None
