"""Opening streams and cameras that show the present."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import av

from herdbook.edge.config import DeviceCamera
from herdbook.edge.video import Probe
from herdbook.errors import VideoSourceError


def open_live(camera: DeviceCamera, silence_s: float) -> Any:
    """A PyAV container of a live source; reading raises when it is silent for longer than told.

    Raises:
        av.error.FFmpegError: the source does not answer.
    """
    if camera.is_device:
        options = {"framerate": f"{camera.fps:g}", "video_size": f"{camera.width}x{camera.height}"}
        return av.open(camera.source, format="v4l2", options=options if camera.width > 1 else {}, timeout=silence_s)
    # Cameras lose fewer packets over TCP than over UDP; a barn's network is seldom a good one.
    rtsp = urlsplit(camera.source).scheme in ("rtsp", "rtsps")
    options = {"analyzeduration": "2000000"} | ({"rtsp_transport": "tcp"} if rtsp else {})
    return av.open(camera.source, options=options, timeout=silence_s)


def probe_live(camera: DeviceCamera, silence_s: float = 10.0) -> Probe:
    """Look once at a live source.

    Raises:
        VideoSourceError: it shows no picture.
    """
    try:
        with open_live(camera, silence_s) as container:
            stream = container.streams.video[0]
            rate = float(stream.average_rate or stream.guessed_rate or 25)
            context = stream.codec_context
            return Probe(context.width, context.height, rate, 0.0, context.name, container.format.name, 1)
    except (av.error.FFmpegError, OSError, IndexError) as error:
        # The error's own text names the source with its password.
        why = getattr(error, "strerror", None) or "it has no video"
        raise VideoSourceError(f"{camera.public_source} shows no picture: {why}") from None
