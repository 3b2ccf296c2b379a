"""Two nights out of one clip with known tracks: enrol in its first half, recognise in its second.

The embedder is the one that needs no weights, ``motion-appearance-1``: coat colours along the body, and size. Boxes and
tracks are the truth's own, cut into short tracklets, so that what is measured is recognition and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from herdbook.errors import EmptyDatasetError
from herdbook.learning.datasets.video import index_frames, read_frames
from herdbook.learning.formats import read_tracks
from herdbook.learning.formats.tracks import Tracks
from herdbook.learning.reid.nights import Night

TRACKLET_S = 5.0
EVERY_S = 0.4
_BACKGROUND = 41
_LEAST_PIXELS = 20
Picture = NDArray[np.uint8]


def halves(truth: Path, video: Path, *, every_s: float = EVERY_S, tracklet_s: float = TRACKLET_S) -> list[Night]:
    """A clip's two halves as nights 0 and 1.

    Args:
        truth: tracks in a supported format.
        video: the clip that they are of.
        every_s: an embedding of each animal so often, seconds.
        tracklet_s: length of the tracklets that the true tracks are cut into.

    Raises:
        FileFormatError: the truth cannot be read.
        VideoSourceError: the video cannot be read.
        EmptyDatasetError: no animal could be cut out in both halves.
    """
    tracks, index = read_tracks(truth), index_frames(video)
    second = index.second * float(np.median(np.diff(sorted(index.stamps.values()))) if len(index.stamps) > 1 else 1)
    fps = 1 / second if second > 0 else 25.0
    frames = np.array(sorted(set(tracks.frames.tolist()) & set(index.stamps)))
    if not len(frames):
        raise EmptyDatasetError(f"{truth} says nothing of the frames of {video}")
    wanted = frames[:: max(1, round(every_s * fps))]
    background = _background(video, wanted)
    middle = (frames[0] + frames[-1]) / 2
    found = list(_embedded(video, tracks, wanted, background))
    nights = [
        _night(number, [f for f in found if (f[0] > middle) == bool(number)], fps, tracklet_s) for number in (0, 1)
    ]
    if any(not len(night.truth) for night in nights):
        raise EmptyDatasetError(f"no animal could be cut out in both halves of {video}")
    return nights


_Seen = tuple[int, int, NDArray[np.float32], float]
"""Frame, animal, embedding, quality."""


def _background(video: Path, frames: NDArray[np.int64]) -> Picture:
    chosen = frames[np.unique(np.linspace(0, len(frames) - 1, _BACKGROUND).astype(int))]
    pictures = [image for _, image in read_frames(video, index_frames(video), chosen.tolist())]
    return np.asarray(np.median(np.stack(pictures), axis=0), np.uint8)


def _embedded(video: Path, tracks: Tracks, wanted: NDArray[np.int64], background: Picture) -> Iterator[_Seen]:
    for frame, image in read_frames(video, index_frames(video), wanted.tolist()):
        for row in np.flatnonzero(tracks.frames == frame).tolist():
            seen = _described(image, background, tracks.boxes[row])
            if seen is not None:
                yield frame, int(tracks.ids[row]), *seen


def _described(
    image: Picture, background: Picture, box: NDArray[np.float64]
) -> tuple[NDArray[np.float32], float] | None:
    """The embedding of what differs from the background in a box; None where hardly anything does."""
    import cv2

    from herdbook.edge.perception.appearance import describe
    from herdbook.edge.perception.base import Shape
    from herdbook.edge.perception.blobs import Blob

    left, top = (max(int(v), 0) for v in box[:2])
    right, bottom = int(box[0] + box[2]) + 1, int(box[1] + box[3]) + 1
    window = (slice(top, bottom), slice(left, right))
    crop = np.ascontiguousarray(image[window][:, :, ::-1])
    if not crop.size:
        return None
    contrast = np.abs(image[window].astype(int) - background[window]).max(axis=2).astype(np.uint8)
    mask = cv2.threshold(contrast, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1].astype(bool)
    if mask.sum() < _LEAST_PIXELS:
        return None
    mean, covariance = Blob(left, top, mask).gaussian
    spread, axes = np.linalg.eigh(covariance)
    length, width = 4 * np.sqrt(spread[1]), 4 * np.sqrt(spread[0])
    angle = float(np.arctan2(axes[1, 1], axes[0, 1]))
    shape = Shape(float(mean[0]), float(mean[1]), float(length), float(width), angle, float(mask.sum()))
    area = float(image.shape[0] * image.shape[1])
    return describe(crop, mask, shape, (float(left), float(top)), area), float(np.clip(mask.mean() * 2, 0.1, 1))


def _night(number: int, seen: list[_Seen], fps: float, tracklet_s: float) -> Night:
    begun = number * 86_400.0
    keys = sorted({(animal, int(frame / fps // tracklet_s)) for frame, animal, _, _ in seen})
    place = {key: k for k, key in enumerate(keys)}
    of = np.array([place[animal, int(frame / fps // tracklet_s)] for frame, animal, _, _ in seen], np.int64)
    order = np.lexsort((np.array([frame for frame, *_ in seen], np.int64), of))
    dimensions = len(seen[0][2]) if seen else 0
    start = np.array([begun + piece * tracklet_s for _, piece in keys])
    return Night(
        number=number,
        camera=("camera",) * len(keys),
        start=start,
        end=start + tracklet_s,
        truth=np.array([animal for animal, _ in keys], np.int64),
        pens={animal: "camera" for animal, _ in keys},
        tracklet=of[order],
        vectors=np.array([seen[k][2] for k in order], np.float32).reshape(-1, dimensions),
        quality=np.array([seen[k][3] for k in order], np.float64),
        seen_s=np.array([begun + seen[k][0] / fps for k in order], np.float64),
        space_id="motion-appearance-1",
    )
