"""A device folder to begin with: ``device.yaml`` for cameras given by their sources, and a token."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from herdbook.contracts.durable import make_folder
from herdbook.contracts.validation import first_problem
from herdbook.edge import live, video
from herdbook.edge.clips import clips_in_folder
from herdbook.edge.config import CONFIG_NAME, DeviceCamera, DeviceConfig, read_device_config, write_device_config
from herdbook.edge.tokens import new_token_file
from herdbook.errors import ConfigurationError, VideoSourceError

TOKEN_NAME = "token"  # noqa: S105  (a file's name)


def init_device(
    root: Path,
    sources: list[str],
    *,
    device_id: str = "camera-1",
    farm_id: str = "farm-1",
    timezone: str = "UTC",
    pen_id: str = "pen-1",
) -> DeviceConfig:
    """Write ``device.yaml`` and a token under `root`; files that exist are kept, and the configuration there is read.

    Args:
        sources: one per camera: a video file, a folder of clips, a stream's URL or ``/dev/videoN``. Size and frame
            rate are read off the footage. Cameras are called ``<pen>-cam-1`` and so on, and look at one pen.

    Raises:
        VideoSourceError: a source shows no picture.
        ConfigurationError: an identifier is not one.
    """
    path = root / CONFIG_NAME
    if not path.exists():
        if not sources:
            raise ConfigurationError("a device needs a camera", "Name a video, folder or stream with --video.")
        make_folder(root)
        try:
            cameras = tuple(_camera(source, f"{pen_id}-cam-{n}", pen_id) for n, source in enumerate(sources, start=1))
            config = DeviceConfig(device_id=device_id, farm_id=farm_id, timezone=timezone, cameras=cameras)
        except ValidationError as error:
            raise ConfigurationError(f"the device cannot be configured so: {first_problem(error.errors())}") from error
        write_device_config(path, config)
    new_token_file(root / TOKEN_NAME)
    return read_device_config(path)


def _camera(source: str, camera_id: str, pen_id: str) -> DeviceCamera:
    camera = DeviceCamera(camera_id=camera_id, pen_id=pen_id, width=1, height=1, fps=1, source=source)
    if camera.is_live:
        header = live.probe_live(camera)
    else:
        place = Path(source).absolute()
        camera = camera.model_copy(update={"source": str(place)})
        clips = [clip.path for clip in clips_in_folder(place)] if place.is_dir() else [place]
        if not clips:
            raise VideoSourceError(f"{source} holds no clip named <anything>_<YYYYMMDDTHHMMSSZ>.mp4")
        header = video.probe(clips[0])
    size = {"width": header.width, "height": header.height, "fps": header.fps}
    return DeviceCamera.model_validate(camera.model_dump() | size)
