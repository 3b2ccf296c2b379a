"""Detections to tracks, by ByteTrack (Zhang et al. 2022) as maintained in the ``trackers`` library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from herdbook.edge.perception.base import Box
from herdbook.errors import MissingDependencyError


class Association:
    """One camera's tracks. Numbers start at 1 and are never given again."""

    def __init__(self, fps: float, lost_s: float, confirm_frames: int) -> None:
        try:
            import supervision
            from trackers import ByteTrackTracker
        except ImportError as error:
            raise MissingDependencyError("the motion engine needs the extra 'edge' (trackers)") from error
        self._detections = supervision.Detections
        self._make: Any = lambda: ByteTrackTracker(
            lost_track_buffer=round(lost_s * 30),  # the library counts in frames of 30 per second
            frame_rate=fps,
            track_activation_threshold=0.4,
            high_conf_det_threshold=0.4,
            minimum_consecutive_frames=confirm_frames,
            minimum_iou_threshold=0.1,
        )
        self._tracker = self._make()
        self._confirm_frames = confirm_frames
        self._fresh = True
        self._offset = 0
        self._highest = 0

    def update(self, boxes: Sequence[Box], confidence: Sequence[float], seconds: float) -> list[int]:
        """The track of each detection, 0 where it belongs to none (yet)."""
        corners = np.array([(b.x, b.y, b.x + b.width, b.y + b.height) for b in boxes], np.float32).reshape(-1, 4)
        given = self._detections(
            xyxy=corners,
            confidence=np.asarray(confidence, np.float32),
            class_id=np.zeros(len(boxes), int),
            data={"row": np.arange(len(boxes))},
        )
        if self._fresh and len(boxes):
            # The library numbers a track at its second sight; those who are there from the start are shown twice.
            for _ in range(self._confirm_frames):
                self._tracker.update(given, timestamp=seconds)
                seconds += 1e-4
            self._fresh = False
        found = self._tracker.update(given, timestamp=seconds)
        tracks = [0] * len(boxes)
        if len(found):
            numbers: Any = found.tracker_id
            for row, number in zip(found.data["row"], numbers, strict=True):
                if number >= 0:
                    tracks[int(row)] = self._offset + int(number) + 1
        self._highest = max(self._highest, *tracks, 0)
        return tracks

    def forget(self) -> None:
        """End every track: what comes next are other tracks, even of the same animals."""
        self._tracker = self._make()
        self._fresh = True
        self._offset = self._highest
