"""The truth of a device day on disk: ``boxes.parquet``, ``behaviours.parquet``, ``paths.parquet``, ``coverage.csv``,
``masks/<camera>.parquet`` and ``mot/<clip>.txt``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from herdbook.contracts.records import BOXES_SCHEMA, RECORDS, RecordKind
from herdbook.simulate import masks
from herdbook.simulate.farm import Animal
from herdbook.simulate.footage import ClipTruth
from herdbook.simulate.schedule import Interval
from herdbook.simulate.tables import write_csv
from herdbook.simulate.trajectory import PenDay

_TIME = pa.timestamp("us", tz="UTC")
BEHAVIOURS_SCHEMA = pa.schema(
    [
        pa.field("animal_id", pa.string(), nullable=False),
        pa.field("started_at", _TIME, nullable=False),
        pa.field("ended_at", _TIME, nullable=False),
        pa.field("behaviour", pa.string(), nullable=False),
    ]
)
# Knots of the body's centre on the pen floor; linear between them.
PATHS_SCHEMA = pa.schema(
    [
        pa.field("animal_id", pa.string(), nullable=False),
        pa.field("at", _TIME, nullable=False),
        pa.field("x_m", pa.float32(), nullable=False),
        pa.field("y_m", pa.float32(), nullable=False),
        pa.field("heading_rad", pa.float32(), nullable=False),
    ]
)

# Pixels seen of an animal; those of its silhouette within the picture; hidden share of these, 1 where there are none;
# how many others its visible part adjoins.
VISIBILITY_SCHEMA = pa.schema(
    [
        pa.field("clip", pa.string(), nullable=False),
        pa.field("frame", pa.int32(), nullable=False),
        pa.field("animal_id", pa.string(), nullable=False),
        pa.field("visible_px", pa.int32(), nullable=False),
        pa.field("whole_px", pa.int32(), nullable=False),
        pa.field("occluded", pa.float32(), nullable=False),
        pa.field("touches", pa.int32(), nullable=False),
    ]
)


def boxes_table(clip: ClipTruth, animals: Sequence[Animal]) -> pa.Table:
    """Boxes as a device writes them, with the animal's own id as ``tracklet_id`` and confidence 1."""
    ids = np.array([a.animal_id for a in animals], dtype=object)
    frame, animal = np.nonzero(~np.isnan(clip.boxes[..., 0]))
    box = clip.boxes[frame, animal].astype(np.float32)
    columns = {
        "clip": np.full(len(frame), clip.clip, dtype=object),
        "frame": (frame + 1).astype(np.int32),
        "at": pa.array(_micros(clip.started + frame / clip.fps), _TIME),
        "tracklet_id": ids[animal],
        "confidence": np.ones(len(frame), np.float32),
    }
    columns |= {name: box[:, k] for k, name in enumerate(("x", "y", "width", "height"))}
    return pa.table({name: columns[name] for name in BOXES_SCHEMA.names}, schema=BOXES_SCHEMA)


def masks_table(clip: ClipTruth, schema: pa.Schema) -> pa.Table:
    """Masks of a clip, for a file of `masks.masks_schema`."""
    names = pa.array([clip.clip] * len(clip.runs), pa.string())
    frames = pa.array(range(1, len(clip.runs) + 1), pa.int32())
    labels = pa.array([run.labels for run in clip.runs], schema.field("labels").type)
    lengths = pa.array([run.lengths for run in clip.runs], schema.field("lengths").type)
    return pa.table([names, frames, labels, lengths], schema=schema)


def visibility_table(clip: ClipTruth, animals: Sequence[Animal]) -> pa.Table:
    """How much of each animal each frame of a clip shows: one row per frame and animal, seen or not."""
    seen, n = clip.seen or [], len(animals)
    columns = {
        "clip": [clip.clip] * (len(seen) * n),
        "frame": np.repeat(np.arange(1, len(seen) + 1, dtype=np.int32), n),
        "animal_id": [a.animal_id for a in animals] * len(seen),
        "visible_px": np.concatenate([s.visible for s in seen]),
        "whole_px": np.concatenate([s.whole for s in seen]),
        "occluded": np.concatenate([s.occluded for s in seen]).astype(np.float32),
        "touches": np.concatenate([s.touches for s in seen]),
    }
    return pa.table(columns, schema=VISIBILITY_SCHEMA)


class FilmTruth:
    """Writes what clips show, clip by clip, so that a day of any length fits in memory.

    ``hidden`` says that what hides animals is known too.
    """

    def __init__(self, folder: Path, *, hidden: bool = False) -> None:
        self._folder = folder
        for name in ("masks", "mot"):
            (folder / name).mkdir(parents=True)
        self._boxes = pq.ParquetWriter(folder / "boxes.parquet", BOXES_SCHEMA, compression="zstd")
        path = folder / "visibility.parquet"
        self._seen = pq.ParquetWriter(path, VISIBILITY_SCHEMA, compression="zstd") if hidden else None

    @contextmanager
    def camera(
        self, camera_id: str, animals: Sequence[Animal], size: tuple[int, int]
    ) -> Iterator[Callable[[ClipTruth], None]]:
        """A function that takes the clips of one camera over these animals, of this width and height."""
        schema = masks.masks_schema(*size, [a.animal_id for a in animals])
        path = self._folder / "masks" / f"{camera_id}.parquet"
        with pq.ParquetWriter(path, schema, compression="zstd") as file:

            def add(clip: ClipTruth) -> None:
                self._boxes.write_table(boxes_table(clip, animals))
                file.write_table(masks_table(clip, schema))
                if self._seen is not None:
                    self._seen.write_table(visibility_table(clip, animals))
                write_mot(self._folder / "mot" / f"{Path(clip.clip).stem}.txt", clip)

            yield add

    def close(self) -> None:
        """Finish ``boxes.parquet`` and ``visibility.parquet``."""
        self._boxes.close()
        if self._seen is not None:
            self._seen.close()


def behaviours_table(lives: Iterable[PenDay]) -> pa.Table:
    """Bouts of the whole day, by animal and time; together they fill the day."""
    bouts = sorted(bout for life in lives for bout in life.bouts)
    return pa.table(
        {
            "animal_id": [b.animal_id for b in bouts],
            "started_at": pa.array(_micros(np.array([b.started for b in bouts])), _TIME),
            "ended_at": pa.array(_micros(np.array([b.ended for b in bouts])), _TIME),
            "behaviour": [b.behaviour for b in bouts],
        },
        schema=BEHAVIOURS_SCHEMA,
    )


def paths_table(lives: Iterable[PenDay]) -> pa.Table:
    """Trajectories of the whole day."""
    parts = [PATHS_SCHEMA.empty_table()]
    for life in lives:
        for animal_id, way in sorted(life.trajectories.items()):
            columns = [pa.array(way.poses[:, k].astype(np.float32)) for k in range(3)]
            ids = pa.array([animal_id] * len(way.times))
            parts.append(pa.table([ids, pa.array(_micros(way.times), _TIME), *columns], schema=PATHS_SCHEMA))
    return pa.concat_tables(parts)


def write_parquet(path: Path, table: pa.Table) -> None:
    """Write a table."""
    pq.write_table(table, path, compression="zstd")


def write_coverage(path: Path, cameras: dict[str, list[Interval]]) -> None:
    """Write what each camera did all day: the columns of coverage records."""
    write_csv(
        path,
        RECORDS[RecordKind.COVERAGE].schema.names,
        (
            (camera_id, i.start.isoformat(), i.end.isoformat(), i.state.value, i.reason)
            for camera_id, intervals in cameras.items()
            for i in intervals
        ),
    )


def write_mot(path: Path, clip: ClipTruth) -> None:
    """Write MOTChallenge ground truth: ``frame,id,x,y,w,h,1,-1,-1,-1``; the id is the animal's number in its pen."""
    lines = []
    for frame, animals in enumerate(clip.boxes, start=1):
        for number, (x, y, w, h) in enumerate(animals, start=1):
            if not np.isnan(x):
                lines.append(f"{frame},{number},{x:g},{y:g},{w:g},{h:g},1,-1,-1,-1\n")
    path.write_text("".join(lines), encoding="utf-8")


def _micros(seconds: np.ndarray) -> np.ndarray:
    # float seconds since 1970 are good to a quarter of a microsecond
    return np.asarray(np.rint(seconds * 1e6).astype(np.int64))
