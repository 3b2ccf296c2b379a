"""Clips as cameras write them: H.264 in MP4, one frame per 1/fps, the same bytes for the same frames."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from numpy.typing import NDArray

from herdbook.contracts.durable import disk_full_is_said, replace_durably

CRF = 26
KEYFRAME_S = 5


class ClipWriter:
    """Writes ``path`` when left without an exception; until then, and otherwise, there is only a ``.part``."""

    def __init__(self, path: Path, width: int, height: int, fps: int) -> None:
        self._path = path
        self._part = path.with_name(f".{path.name}.part")
        self._frames, self._tick = 0, Fraction(1, fps)
        with disk_full_is_said(path):
            # bitexact leaves the encoder's version and the wall clock out of the file
            self._container = av.open(str(self._part), "w", format="mp4", options={"fflags": "+bitexact"})
        self._stream = self._container.add_stream("libx264", rate=fps)
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        self._stream.gop_size = KEYFRAME_S * fps
        self._stream.thread_count = 1  # so that output does not depend on the number of cores
        self._stream.options = {"preset": "ultrafast", "crf": str(CRF)}

    def write(self, yuv: NDArray[np.uint8]) -> None:
        """Append a frame, planar YUV 4:2:0 ``[height * 3 / 2, width]``."""
        frame = av.VideoFrame.from_ndarray(yuv, format="yuv420p")
        frame.pts = self._frames
        frame.time_base = self._tick
        self._frames += 1
        with disk_full_is_said(self._path):
            self._container.mux(self._stream.encode(frame))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            with disk_full_is_said(self._path):
                if kind is None:
                    self._container.mux(self._stream.encode())
                self._container.close()
                if kind is None:
                    replace_durably(self._part, self._path)
        finally:
            self._part.unlink(missing_ok=True)
