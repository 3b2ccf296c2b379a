"""Annotations and tracker output in the formats people keep them in, read into `Tracks`."""

from __future__ import annotations

from herdbook.learning.formats.detect import TrackFormat, detect_format, read_tracks
from herdbook.learning.formats.tracks import Tracks

__all__ = ["TrackFormat", "Tracks", "detect_format", "read_tracks"]
