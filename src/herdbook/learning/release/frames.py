"""Frames that a release is calibrated and proved with: even over site, camera, light and crowding."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from herdbook.contracts.release import Calibration
from herdbook.errors import ReleaseRefusedError
from herdbook.learning.datasets.plan import Split
from herdbook.learning.datasets.reading import Dataset, Frame

LEAST = 500
"""Frames that int8 ranges come from (`design` and practice: domain.md)."""


def stratum(frame: Frame) -> str:
    """``site/device/camera/light/crowding``."""
    said = frame.said
    return "/".join(str(said[name]) for name in ("site", "device_id", "camera_id", "light", "crowding"))


def stratified(frames: Sequence[Frame], count: int) -> list[Frame]:
    """At most so many frames; strata take turns, each giving its frames in the order of their ids, which are digests
    and so as good as chance. The same frames give the same choice."""
    strata: dict[str, list[Frame]] = defaultdict(list)
    for frame in sorted(frames, key=lambda one: one.frame_id):
        strata[stratum(frame)].append(frame)
    turns = [iter(rows) for _, rows in sorted(strata.items())]
    taken: list[Frame] = []
    while turns and len(taken) < count:
        still = []
        for turn in turns:
            given = next(turn, None)
            if given is not None and len(taken) < count:
                taken.append(given)
                still.append(turn)
        turns = still
    return taken


def calibration_frames(dataset: Dataset, *, asked: int = LEAST, few: bool = False) -> list[Frame]:
    """Frames of the training side, labelled or not.

    Args:
        dataset: of the site.
        asked: how many; never fewer than `LEAST`.
        few: whether fewer will do, for demos.

    Raises:
        ReleaseRefusedError: there are fewer, or none.
    """
    wanted = max(LEAST, asked)
    found = stratified(dataset.frames(Split.TRAIN), wanted)
    if len(found) < LEAST and not (few and found):
        raise ReleaseRefusedError(
            f"int8 is calibrated on {LEAST} frames of the site or more, and its dataset has {len(found)} to learn from",
            "Name a larger dataset with --dataset, release with --precision fp16, or say --few-frames for a demo.",
        )
    return found


def told(frames: Sequence[Frame]) -> Calibration:
    """What the release says of them."""
    digest = hashlib.sha256("".join(f"{frame.frame_id}\n" for frame in frames).encode()).hexdigest()
    return Calibration(frames=len(frames), strata=dict(sorted(Counter(map(stratum, frames)).items())), sha256=digest)


def pictures(frames: Sequence[Frame], size: tuple[int, int]) -> Iterator[NDArray[np.float32]]:
    """Frames as networks take them, RGB [1, 3, H, W] in 0..1, one at a time.

    Raises:
        FileFormatError: a picture is not what was frozen.
    """
    height, width = size
    for frame in frames:
        small = cv2.resize(frame.image(), (width, height), interpolation=cv2.INTER_AREA)
        yield np.ascontiguousarray(small.transpose(2, 0, 1)[None], np.float32) / np.float32(255)
