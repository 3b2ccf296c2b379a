"""The steps of taking up a release. A crash after any of them leaves a device that `recover` brings up again."""

from __future__ import annotations

OPENED = "opened"
"""The release is whole and for this SKU."""
BUILDING = "building"
BUILT = "built"
"""Engines are there."""
ROOM = "room"
"""Old and new do not fit side by side: the recorder has let go, and the old engine is unloaded."""
PROVING = "proving"
CERTIFIED = "certified"
"""The certificate is on disk."""
SWITCHING = "switching"
WRITTEN = "written"
"""Fresh versions lie in Triton's repository."""
LOADED = "loaded"
PROBED = "probed"
"""The new engine answered, rightly."""
POINTED = "pointed"
"""``active.json`` names the new release."""
CHANGED = "changed"
"""Every recorder uses it."""
UNLOADED = "unloaded"
"""The old one is out of memory."""
CONFIRMED = "confirmed"
"""It still answers, and is the good one from now on."""

STEPS = (
    OPENED,
    BUILDING,
    BUILT,
    ROOM,
    PROVING,
    CERTIFIED,
    SWITCHING,
    WRITTEN,
    LOADED,
    PROBED,
    POINTED,
    CHANGED,
    UNLOADED,
    CONFIRMED,
)
"""In order. ``room`` comes only where it is needed, there once more before ``switching``; ``written`` and ``loaded``
only with Triton."""
