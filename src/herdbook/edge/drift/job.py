"""What the reading process is told, and what it leaves: one small file per release and clip, so that it can go on.

All lies in one folder: ``job.json``, ``at.json`` (what is being read), ``<key>.json`` (what came of it), ``log``.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from herdbook.contracts.activation import ClipDrift, Drift, Reading
from herdbook.contracts.camera import Contract
from herdbook.contracts.durable import write_durably
from herdbook.contracts.validation import first_problem
from herdbook.edge.clips import SourceClip
from herdbook.edge.config import DeviceConfig
from herdbook.edge.drift.clips import RecentClip
from herdbook.edge.drift.limits import DriftLimits
from herdbook.edge.plan import CameraPlan
from herdbook.edge.recorder import describe_inputs
from herdbook.errors import ConfigurationError

JOB, AT, LOG = "job.json", "at.json", "log"
_NOWHERE = "-"


class Outcome(Contract):
    """What came of one clip and release. Without a reading the clip could not be read, which is no engine's fault."""

    seconds: Annotated[float, Field(ge=0)] = 0.0
    reading: Reading | None = None


class At(Contract):
    """What is being read."""

    release_id: str
    clip: str
    old: bool
    """Whether by the release that serves."""


class Job(Contract):
    """Two releases, and the clips that both are to read."""

    old: DeviceConfig
    new: DeviceConfig
    clips: tuple[RecentClip, ...]
    limits: DriftLimits
    old_graphs: dict[str, Path] = Field(default_factory=dict)
    """By role, the graphs that the device's recipe chooses; of other roles what ``network.json`` names."""
    new_graphs: dict[str, Path] = Field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write it down, without the cameras' sources: they hold passwords, and clips are named by path."""
        told = self.model_copy(update={"old": _without_sources(self.old), "new": _without_sources(self.new)})
        write_durably(folder / JOB, told.model_dump_json(indent=1).encode(), mode=0o600)

    @classmethod
    def read(cls, folder: Path) -> Job:
        """Read it back.

        Raises:
            ConfigurationError: it is not there, or not valid.
        """
        try:
            return cls.model_validate_json((folder / JOB).read_bytes())
        except OSError as error:
            raise ConfigurationError(f"{folder / JOB} cannot be read: {error.strerror}") from error
        except ValidationError as error:
            raise ConfigurationError(f"{folder / JOB}, {first_problem(error.errors())}") from error

    def readings(self) -> list[tuple[RecentClip, str, str]]:
        """Each clip with the names under which old and new outcome are kept; those that are gone are left out.

        Raises:
            ConfigurationError: a release's folder is not there.
        """
        sides = ((self.old, self.old_graphs), (self.new, self.new_graphs))
        old, new = (
            # Their bytes are in the folder's digest.
            [describe_inputs(config, [])["device"], {role: path.name for role, path in graphs.items()}]
            for config, graphs in sides
        )
        found = []
        for clip in self.clips:
            try:
                read = [self._inputs(config, clip) for config in (self.old, self.new)]
            except OSError:
                continue
            found.append((clip, _sha256([old, read[0]]), _sha256([new, read[1]])))
        return found

    def drift(self, folder: Path) -> Drift:
        """What lies in a folder, of the clips that both releases have read."""
        read = []
        for clip, *keys in self.readings():
            old, new = (read_outcome(folder, key) for key in keys)
            if old and new and old.reading and new.reading:
                told = {"clip": clip.name, "camera_id": clip.camera_id, "seconds": old.seconds}
                read.append(ClipDrift(**told, old=old.reading, new=new.reading))
        return Drift(
            old_release=self.old.release.release_id, new_release=self.new.release.release_id, clips=tuple(read)
        )

    def _inputs(self, config: DeviceConfig, clip: RecentClip) -> dict[str, Any]:
        """What besides the release makes a reading what it is."""
        plain = _without_sources(config).model_copy(update={"network": None})
        mine = [camera for camera in plain.cameras if camera.camera_id == clip.camera_id]
        source = SourceClip(clip.path, clip.started_at)
        told = describe_inputs(plain, [CameraPlan(camera, (source,)) for camera in mine])["cameras"]
        return {"camera": told, "clip_s": self.limits.clip_s}


def read_outcome(folder: Path, key: str) -> Outcome | None:
    """What is kept under a key, or none; a file that is not whole is none."""
    try:
        return Outcome.model_validate_json((folder / f"{key}.json").read_bytes())
    except (OSError, ValidationError):
        return None


def write_outcome(folder: Path, key: str, outcome: Outcome) -> None:
    """Keep it."""
    write_durably(folder / f"{key}.json", outcome.model_dump_json(indent=1).encode())


def read_at(folder: Path) -> At | None:
    """What is being read, or was when the process ended."""
    try:
        return At.model_validate_json((folder / AT).read_bytes())
    except (OSError, ValidationError):
        return None


def _without_sources(config: DeviceConfig) -> DeviceConfig:
    cameras = tuple(camera.model_copy(update={"source": _NOWHERE}) for camera in config.cameras)
    return config.model_copy(update={"cameras": cameras})


def _sha256(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
