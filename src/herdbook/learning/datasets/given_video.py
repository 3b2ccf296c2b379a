"""Pictures of a video that somebody's tracks are of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from herdbook.errors import NotFoundError
from herdbook.learning.datasets.video import index_frames, read_frames
from herdbook.learning.formats.annotations import Annotations, frame_name
from herdbook.learning.formats.packages import Pictures
from herdbook.learning.pixels import png_bytes

SUFFIXES = (".mp4", ".mkv", ".mov", ".avi")


def is_video(path: Path) -> bool:
    """Whether a path is meant as a video."""
    return path.suffix.lower() in SUFFIXES


def video_size(path: Path) -> tuple[int, int]:
    """Width and height of a video's frames.

    Raises:
        VideoSourceError: it is none.
    """
    index = index_frames(path)
    image = next(image for _, image in read_frames(path, index, {index.keys[0]}))
    return image.shape[1], image.shape[0]


def thinned(annotations: Annotations, every: int) -> Annotations:
    """Every n-th picture, with what is drawn on it."""
    if every <= 1:
        return annotations
    pictures = annotations.pictures[::every]
    names = {picture.name for picture in pictures}
    shapes = tuple(shape for shape in annotations.shapes if shape.picture in names)
    return replace(annotations, pictures=pictures, shapes=shapes)


@contextmanager
def video_pictures(path: Path, names: Sequence[str]) -> Iterator[Pictures]:
    """A video's frames by the names of `formats.annotations.frame_name`, decoded once.

    Raises:
        NotFoundError: a frame that is named is not in the video.
    """
    index = index_frames(path)
    wanted = {number: frame_name(number) for number in index.stamps}
    wanted = {number: name for number, name in wanted.items() if name in set(names)}
    with TemporaryDirectory() as place:
        for number, image in read_frames(path, index, wanted):
            (Path(place) / f"{wanted[number]}.png").write_bytes(png_bytes(image))
        missing = set(names) - {file.stem for file in Path(place).iterdir()}
        if missing:
            raise NotFoundError(f"{path} has no frame {min(missing)} ({len(missing)} such frames)")
        yield lambda name: (Path(place) / f"{name}.png").read_bytes()
