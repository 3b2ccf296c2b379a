"""Behaviour drift on the device: its own recent clips, read by the release that serves and by the one to come.

`recent_clips` chooses them, `read_drift` reads them in a process of its own, which no engine's crash outlives.
"""

from herdbook.edge.drift.clips import RecentClip, recent_clips
from herdbook.edge.drift.limits import DriftLimits
from herdbook.edge.drift.run import read_drift, unread_drift

__all__ = ["DriftLimits", "RecentClip", "read_drift", "recent_clips", "unread_drift"]
