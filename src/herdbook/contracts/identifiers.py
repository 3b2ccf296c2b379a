"""Names that come from outside: what they may look like, checked once at the boundary.

All of them are safe as one component of a path and inside a URL: they start with a letter or digit, hold no slash
and no two dots in a row.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

Slug = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z0-9][a-z0-9_-]*(\.[a-z0-9_-]+)*$", max_length=63)]
"""Devices, farms, pens, cameras, zones, calibrations, releases, spaces: lower case, digits, ``_ - .``."""

AnimalId = Annotated[
    str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$", max_length=63)
]
"""Our own identifier of an animal for life. Tags are not identifiers: they are lost and issued again."""

FileName = Annotated[
    str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$", max_length=127)
]
"""A plain file name, no folder."""

TrackletId = Annotated[
    str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9_:-]*(\.[A-Za-z0-9_:-]+)*$", max_length=191)
]
"""``<device>:<day>:<camera>:<number>``: unique everywhere, because it starts with the device and its day."""

Sha256 = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{64}$")]
"""Lower-case hexadecimal digest."""


def tracklet_prefix(device_id: str, day: str) -> str:
    """What every tracklet id of a device day starts with: ``<device>:<YYYY-MM-DD>:``."""
    return f"{device_id}:{day}:"
