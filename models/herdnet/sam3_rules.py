"""What decides, between the graphs of a SAM 3 tracker: numbers of its configuration that no graph holds. No torch."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from herdnet.errors import ExportError

RULES_NAME = "sam3.json"


@dataclass(frozen=True)
class Rules:
    """Beside the graphs, as ``sam3.json``."""

    side: int
    """Pixels per side of the square in which points are told."""
    picture: int
    """Pixels per side of the picture that the encoder takes."""
    memories: int
    """The prompted frame, and so many less one before the present."""
    pointers: int
    """Object pointers that are looked back at, the present one counted."""
    prompted_memories: int
    """Prompted frames whose memory is read, the nearest; -1: all."""
    several: bool
    """Whether three candidates are asked for, where points are few."""
    several_tracked: bool
    """Whether also where an object is followed without a prompt."""
    several_points: tuple[int, int]
    """Least and largest number of points with which they are."""
    no_memory: tuple[float, ...]
    """[C], added to the features of a frame that has a prompt and so no memory."""

    def asks_several(self, points: int, *, prompted: bool) -> bool:
        """Whether the best of three candidates is taken."""
        least, most = self.several_points
        return self.several and (prompted or self.several_tracked) and least <= points <= most


def read_rules(folder: Path) -> Rules:
    """Read ``sam3.json``.

    Raises:
        ExportError: it is not there, or says something else.
    """
    try:
        said: dict[str, Any] = json.loads((folder / RULES_NAME).read_bytes())
        if set(said) != {field.name for field in fields(Rules)}:
            raise ValueError("other fields than expected")
        told: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in said.items()}
        return Rules(**told)
    except (OSError, ValueError, TypeError) as error:
        raise ExportError(f"{folder / RULES_NAME} does not tell how to run the graphs: {error}") from error
