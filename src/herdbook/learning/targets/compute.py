"""Ask the teacher about every frame of a dataset that it was not asked about before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from herdbook.contracts.digest import sha256_of
from herdbook.contracts.durable import disk_full_is_said, make_folder, replace_durably
from herdbook.errors import EmptyDatasetError
from herdbook.learning.datasets.reading import Frame
from herdbook.learning.targets.codec import Features
from herdbook.learning.targets.maker import TargetMaker
from herdbook.learning.targets.store import Recipe, TargetStore

if TYPE_CHECKING:
    from torch import Tensor

INDEX = pa.schema(
    [
        pa.field("frame_id", pa.string(), nullable=False),
        pa.field("key", pa.string(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
    ]
)
"""``targets.parquet``: what a run learns from, by content; the targets themselves stay in the store."""


@dataclass(frozen=True)
class TargetReport:
    """What was done, what it takes to keep, and what keeping it costs in truth."""

    release: str
    encoding: str
    shape: tuple[int, int, int]
    """Channels, height, width of one target."""
    frames: int
    computed: int
    reused: int
    bytes: int
    bytes_per_frame: float
    raw_fp16_bytes_per_frame: int
    measured_frames: int
    relative_error: float
    """Root of the sum of squared differences to what the teacher said, over that of its squares."""
    cosine: float
    """Mean over tokens (pixels of the feature map) of the cosine to what the teacher said."""
    worst_cosine: float
    seconds_teacher: float
    seconds_storing: float


def compute_targets(
    frames: Sequence[Frame],
    maker: TargetMaker,
    store: TargetStore,
    recipe: Recipe,
    index: Path,
    *,
    batch: int = 4,
    measure: int = 8,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> TargetReport:
    """Compute what is missing, then write the index. Killed anywhere, the same call continues where it stopped.

    Args:
        frames: of a dataset, all sides.
        maker: the teacher.
        store: where targets are kept.
        recipe: the maker's release and side, and the encoding.
        index: the index to write.
        batch: frames that the teacher is asked about at once.
        measure: frames on which the error of keeping is measured; of kept ones the teacher is asked again.
        progress: told how many frames are done, of how many.

    Raises:
        EmptyDatasetError: there are no frames.
        DiskFullError: the quota or the disk is full.
        FileFormatError: a frame was altered since it was frozen.
        InputError: the teacher gave numbers that are not finite.
    """
    from time import perf_counter

    if not frames:
        raise EmptyDatasetError("the dataset has no frames to ask the teacher about")
    store.sweep()
    missing = [frame for frame in frames if not store.has(recipe, frame.frame_id)]
    clock = {"teacher": 0.0, "storing": 0.0}
    gauge = _Gauge()
    done = len(frames) - len(missing)
    progress(done, len(frames))
    for some, images in _loaded(missing, recipe.side, batch):
        begun = perf_counter()
        said = _ask(maker, images)
        clock["teacher"] += perf_counter() - begun
        begun = perf_counter()
        for frame, features in zip(some, said, strict=True):
            store.put(recipe, frame.frame_id, features)
            if gauge.count < measure:
                gauge.add(features, store.get(recipe, frame.frame_id))
        clock["storing"] += perf_counter() - begun
        done += len(some)
        progress(done, len(frames))
    if gauge.count < measure and not missing:
        for some, images in _loaded(frames[:measure], recipe.side, batch):
            for frame, features in zip(some, _ask(maker, images), strict=True):
                gauge.add(features, store.get(recipe, frame.frame_id))
    rows = [_row(frame, store, recipe) for frame in sorted(frames, key=lambda f: f.frame_id)]
    total = sum(row["bytes"] for row in rows)
    channels, height, width = gauge.shape
    report = TargetReport(
        release=recipe.release,
        encoding=recipe.encoding.value,
        shape=gauge.shape,
        frames=len(frames),
        computed=len(missing),
        reused=len(frames) - len(missing),
        bytes=total,
        bytes_per_frame=total / len(rows),
        raw_fp16_bytes_per_frame=2 * channels * height * width,
        measured_frames=gauge.count,
        relative_error=gauge.relative_error,
        cosine=gauge.cosine,
        worst_cosine=gauge.worst,
        seconds_teacher=round(clock["teacher"], 3),
        seconds_storing=round(clock["storing"], 3),
    )
    _write_index(index, rows, recipe)
    return report


def _ask(maker: TargetMaker, images: Tensor) -> list[Features]:
    import torch

    with torch.inference_mode():
        said = maker.features(images)
    return [np.asarray(one, dtype=np.float32) for one in said.float().cpu().numpy()]


def _loaded(frames: Sequence[Frame], side: int, batch: int) -> Iterator[tuple[list[Frame], Tensor]]:
    """Batches of frames [B, 3, side, side], the next being read while the teacher is asked about one."""
    batches = [list(frames[k : k + batch]) for k in range(0, len(frames), batch)]
    with ThreadPoolExecutor(1) as reader:
        waiting = reader.submit(_read, batches[0], side) if batches else None
        for number, some in enumerate(batches):
            assert waiting is not None
            images = waiting.result()
            if number + 1 < len(batches):
                waiting = reader.submit(_read, batches[number + 1], side)
            yield some, images


def _read(frames: Sequence[Frame], side: int) -> Tensor:
    import torch

    from herdnet.pixels import resize

    images = [torch.from_numpy(frame.image().copy()).permute(2, 0, 1)[None].float() / 255 for frame in frames]
    return torch.cat([resize(image, (side, side)) for image in images])


class _Gauge:
    """Adds up how far kept targets are from what was said."""

    def __init__(self) -> None:
        self.count = 0
        self.shape = (0, 0, 0)
        self.worst = 1.0
        self._wrong = self._size = self._cosines = 0.0

    def add(self, said: Features, kept: Features) -> None:
        """Compare one target, (channels, height, width)."""
        self.count += 1
        self.shape = (said.shape[0], said.shape[1], said.shape[2])
        self._wrong += float(np.square(said - kept, dtype=np.float64).sum())
        self._size += float(np.square(said, dtype=np.float64).sum())
        norms = np.linalg.norm(said, axis=0) * np.linalg.norm(kept, axis=0)
        cosines = (said * kept).sum(axis=0)[norms > 0] / norms[norms > 0]
        self._cosines += float(cosines.mean()) if cosines.size else 1.0
        self.worst = min(self.worst, float(cosines.min(initial=1.0)))

    @property
    def relative_error(self) -> float:
        return float(np.sqrt(self._wrong / self._size)) if self._size else 0.0

    @property
    def cosine(self) -> float:
        return self._cosines / max(self.count, 1)


def _row(frame: Frame, store: TargetStore, recipe: Recipe) -> dict[str, Any]:
    path = store.path(recipe, frame.frame_id)
    size, digest = path.stat().st_size, sha256_of(path)
    return {"frame_id": frame.frame_id, "key": recipe.key(frame.frame_id), "bytes": size, "sha256": digest}


def _write_index(path: Path, rows: list[dict[str, Any]], recipe: Recipe) -> None:
    said = {"release": recipe.release, "side": str(recipe.side), "encoding": recipe.encoding.value}
    table = pa.Table.from_pylist(rows, schema=INDEX.with_metadata(said))
    make_folder(path.absolute().parent)
    part = path.with_name(f".{path.name}.part")
    with disk_full_is_said(path):
        pq.write_table(table, part, compression="zstd")
        replace_durably(part, path)


def read_index(path: Path) -> tuple[Recipe, list[str]]:
    """The recipe of an index's targets, and the frames that have one."""
    from herdbook.learning.targets.codec import Encoding

    table = pq.read_table(path)
    said = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    recipe = Recipe(said["release"], int(said["side"]), Encoding(said["encoding"]))
    return recipe, table["frame_id"].to_pylist()
