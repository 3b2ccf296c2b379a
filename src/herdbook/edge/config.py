"""``device.yaml``: what a device is told. Strict: an unknown key is refused.

Example::

    device_id: barn-a-1
    farm_id: demo-farm
    timezone: Europe/London
    clip_s: 300                          # length of clips cut from streams and long files
    retention: {free: files, after_days: 0}
    cameras:
      - camera_id: pen-1-top
        pen_id: pen-1
        width: 480
        height: 360
        fps: 6
        source: footage/pen-1-top        # folder of <anything>_<YYYYMMDDTHHMMSSZ>.mp4, a file,
        background: pen-1-empty.png      # rtsp://… or /dev/videoN; the empty pen, optional
        zones:
          - zone_id: trough
            kind: feeder
            valid_from: 2026-01-01T00:00:00Z
            polygon: [[0, 0], [60, 0], [60, 360], [0, 360]]
        calibrations:
          - calibration_id: pen-1-2026
            valid_from: 2026-01-01T00:00:00Z
            homography: [0.01, 0, 0, 0, 0.01, 0, 0, 0, 1]

Relative paths are relative to the file. ``release`` and ``motion`` may be left out: `MOTION_RELEASE` and its defaults.
A learned engine needs its release and the folder that it lies in::

    release: {release_id: compact-7, engine: compact, space_id: compact-7, dimensions: 64, ethogram_id: pig-9}
    network: releases/compact-7
    compact: {threads: 2}

Releases that the platform signs are fetched from::

    updates: {url: https://releases.example/herdbook, reserve_mib: 256}

A release that the platform assigned and the device took up (`herdbook.edge.activate`) comes before both. ``serve`` says
through what its networks run: ``onnxruntime`` in the recorder's own process, or the device's ``triton`` server.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

import yaml
from pydantic import Field, ValidationError, model_validator

from herdbook.contracts.camera import Camera, Contract
from herdbook.contracts.device_day import ReleaseUse
from herdbook.contracts.durable import write_durably
from herdbook.contracts.farmtime import TimezoneName
from herdbook.contracts.identifiers import Slug
from herdbook.contracts.release import FIRST_RELEASE, WITHOUT_NETWORKS
from herdbook.contracts.validation import first_problem
from herdbook.contracts.yamltext import YamlTextError, read_yaml
from herdbook.edge.perception.parameters import CompactParameters, MotionParameters, Sam3Parameters
from herdbook.errors import ConfigurationError

CONFIG_NAME = "device.yaml"

MOTION_RELEASE = ReleaseUse(
    release_id=FIRST_RELEASE,
    engine=WITHOUT_NETWORKS,
    space_id="motion-appearance-1",
    dimensions=96,
    ethogram_id="pig-9",
)
"""What rows made by the first engine name."""

_LIVE = ("rtsp", "rtsps", "http", "https", "tcp", "udp", "srt", "rtp")


def public_source(source: str) -> str:
    """A source as it may be shown and written down: of an address only scheme and host.

    Cameras take passwords before an ``@``, in the query and in the path. Where an ``@`` comes after a ``/`` or ``?``,
    either may be part of a password that was not escaped: then not even the host can be told.
    """
    scheme, mark, rest = source.partition("://")
    if not mark:
        return source
    authority, *path = re.split("[/?#]", rest, maxsplit=1)
    if path and "@" in path[0]:
        return f"{scheme}://…"
    return f"{scheme}://{authority.rpartition('@')[2]}{'/…' if path else ''}"


class DeviceCamera(Camera):
    """A camera and where its pictures come from."""

    source: Annotated[str, Field(min_length=1)]
    """A video file, a folder of clips, a stream's URL, or ``/dev/videoN``."""
    background: Path | None = None
    """A picture of the empty pen in the camera's own size."""

    @property
    def is_live(self) -> bool:
        """Whether pictures come when they come, rather than from files."""
        return self.is_device or urlsplit(self.source).scheme in _LIVE

    @property
    def is_device(self) -> bool:
        """Whether the source is a V4L2 device."""
        return re.fullmatch(r"/dev/video\d+", self.source) is not None

    @property
    def public_source(self) -> str:
        """The source as it may be shown."""
        return public_source(self.source)

    def contract(self) -> Camera:
        """What the manifest says of it."""
        return Camera.model_validate(self.model_dump(exclude={"source", "background"}))


class Retention(Contract):
    """What the device deletes after a day was acknowledged; manifest and acknowledgement stay. Before that, nothing."""

    free: Literal["files", "clips", "nothing"] = "files"
    """``files``: clips, boxes and records; ``clips``: only clips."""
    after_days: Annotated[int, Field(ge=0)] = 0
    """Days to wait after the acknowledgement."""


class Updates(Contract):
    """Where the device finds its signed releases."""

    url: Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$", max_length=255)]
    """Above the repository's ``metadata/`` and ``targets/``."""
    reserve_mib: Annotated[int, Field(ge=0, le=1 << 20)] = 256
    """Space that an installation leaves free, for footage and days."""


class DeviceConfig(Contract):
    """One device: who it is, what it looks at, and with which engine."""

    device_id: Slug
    farm_id: Slug
    timezone: TimezoneName
    release: ReleaseUse = MOTION_RELEASE
    motion: MotionParameters = MotionParameters()
    network: Path | None = None
    """The folder of a learned release; `herdbook.edge.perception.network` says what lies in it."""
    compact: CompactParameters = CompactParameters()
    sam3: Sam3Parameters = Sam3Parameters()
    cameras: Annotated[tuple[DeviceCamera, ...], Field(min_length=1)]
    clip_s: Annotated[float, Field(ge=1, le=3600)] = 300.0
    embeddings_per_hour: Annotated[float, Field(gt=0, le=3600)] = 7.0
    """Reference rate per animal; every tracklet gets at least one, and two if it lasts more than ten seconds."""
    retention: Retention = Retention()
    updates: Updates | None = None
    """Absent: the device is not updated by itself."""
    serve: Literal["onnxruntime", "triton"] = "onnxruntime"
    """Through what the networks of an installed release run."""
    sku: Slug | None = None
    """Which of a release's recipes holds; by default what the machine says of itself."""
    spare_memory_mib: Annotated[int, Field(ge=0, le=1 << 30)] = 256
    """What must stay free while old and new engine are loaded side by side; otherwise the old makes room."""

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len({c.camera_id for c in self.cameras}) != len(self.cameras):
            raise ValueError("two cameras have the same camera_id")
        return self


def read_device_config(path: Path) -> DeviceConfig:
    """Read ``device.yaml``; paths in it become absolute.

    Raises:
        ConfigurationError: the file is absent or not valid; the message names the first wrong key.
    """
    try:
        config = DeviceConfig.model_validate(read_yaml(path))
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise ConfigurationError(f"{path}, {first_problem(error.errors(), 'the file')}") from error
    except YamlTextError as error:
        raise ConfigurationError(f"{path} is not YAML: {error}") from error
    folder = path.absolute().parent
    cameras = tuple(
        camera.model_copy(
            update={
                "source": camera.source if camera.is_live else str(folder / camera.source),
                "background": folder / camera.background if camera.background else None,
            }
        )
        for camera in config.cameras
    )
    network = folder / config.network if config.network else None
    return config.model_copy(update={"cameras": cameras, "network": network})


def write_device_config(path: Path, config: DeviceConfig) -> None:
    """Write a ``device.yaml`` that `read_device_config` reads back; what is left at its default is left out.

    Only its owner can read it: sources hold passwords.
    """
    document = config.model_dump(mode="json", exclude_defaults=True)
    write_durably(path, yaml.safe_dump(document, sort_keys=False, allow_unicode=True).encode(), mode=0o600)
