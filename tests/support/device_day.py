"""Device days made of plausible records without any pixels: for tests and benchmarks of everything behind the edge."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from herdbook.contracts.camera import Calibration, Camera, Zone, ZoneKind
from herdbook.contracts.device_day import DayFile, FileKind, Manifest, ReleaseUse, manifest_sha256
from herdbook.contracts.ethogram import load_ethogram
from herdbook.contracts.farmtime import day_extent
from herdbook.contracts.identifiers import tracklet_prefix
from herdbook.contracts.landed_day import MARKER, LandedDay, Landing, read_landed_day
from herdbook.contracts.records import BOXES_SCHEMA, RECORDS, RecordKind

RELEASE = ReleaseUse(
    release_id="motion-1", engine="motion", space_id="motion-appearance-1", dimensions=32, ethogram_id="pig-9"
)
_LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
_BEHAVIOURS = load_ethogram("pig-9").names


@dataclass(frozen=True)
class DaySpec:
    """What to make. Rows grow with ``animals * tracklets_per_animal``; ``clips`` are real H.264 of a few frames, or
    ``clip_bytes`` of noise that no decoder takes.
    """

    device_id: str = "barn-a-1"
    farm_id: str = "demo-farm"
    day: date = date(2026, 3, 2)
    timezone: str = "Europe/London"
    revision: int = 1
    final: bool = True
    animals: int = 4
    tracklets_per_animal: int = 3
    bouts_per_tracklet: int = 4
    embeddings_per_tracklet: int = 2
    cameras: int = 1
    clips: int = 0
    clip_bytes: int = 0
    seed: int = 0
    release: ReleaseUse = field(default_factory=lambda: RELEASE)

    @property
    def camera_ids(self) -> tuple[str, ...]:
        """``<device>-cam-1`` and so on."""
        return tuple(f"{self.device_id}-cam-{i + 1}" for i in range(self.cameras))


def camera(camera_id: str, pen_id: str) -> Camera:
    """A calibrated overhead camera with a feeder and a drinker."""
    square = ((0.0, 0.0), (60.0, 0.0), (60.0, 60.0), (0.0, 60.0))
    return Camera(
        camera_id=camera_id,
        pen_id=pen_id,
        width=320,
        height=240,
        fps=4,
        zones=(
            Zone(zone_id=f"{pen_id}-feeder", kind=ZoneKind.FEEDER, polygon=square, valid_from=_LONG_AGO),
            Zone(
                zone_id=f"{pen_id}-drinker",
                kind=ZoneKind.DRINKER,
                polygon=tuple((x + 200, y) for x, y in square),
                valid_from=_LONG_AGO,
            ),
        ),
        calibrations=(
            Calibration(
                calibration_id=f"{camera_id}-cal-1",
                homography=(0.01, 0, 0, 0, 0.01, 0, 0, 0, 1),
                error_m=0.02,
                valid_from=_LONG_AGO,
            ),
        ),
    )


def record_tables(spec: DaySpec) -> dict[RecordKind, pa.Table]:
    """The five record tables: every tracklet is tiled by bouts, every animal has its own direction in the space."""
    rng = np.random.default_rng([spec.seed, spec.day.toordinal(), *spec.device_id.encode()])
    extent = day_extent(spec.day, spec.timezone)
    day_us = int((extent.end - extent.start) / timedelta(microseconds=1))
    origin = int(extent.start.timestamp() * 1_000_000)
    n = spec.animals * spec.tracklets_per_animal
    animal = np.repeat(np.arange(spec.animals), spec.tracklets_per_animal)
    slot = np.tile(np.arange(spec.tracklets_per_animal), spec.animals)
    slot_us = day_us // max(spec.tracklets_per_animal, 1)
    start = origin + slot * slot_us + (rng.random(n) * 0.2 * slot_us).astype(np.int64)
    end = start + ((0.3 + 0.45 * rng.random(n)) * slot_us).astype(np.int64)
    ids = np.array([f"{tracklet_prefix(spec.device_id, spec.day.isoformat())}cam:{i:06d}" for i in range(n)])
    cams = np.array(spec.camera_ids)[animal % spec.cameras]
    made_by = {"clip": None, "release_id": spec.release.release_id}

    def table(kind: RecordKind, columns: dict[str, object]) -> pa.Table:
        schema = RECORDS[kind].schema
        length = len(next(v for v in columns.values() if isinstance(v, np.ndarray | list)))
        arrays = []
        for column in schema:
            value = (made_by | columns)[column.name]
            if value is None or isinstance(value, str):
                arrays.append(pa.array([value] * length, type=column.type))
            else:
                arrays.append(pa.array(value, type=column.type))
        return pa.Table.from_arrays(arrays, schema=schema)

    edges = np.linspace(0, 1, spec.bouts_per_tracklet + 1)
    bout_start = (start[:, None] + (end - start)[:, None] * edges[:-1]).astype(np.int64)
    bout_end = np.concatenate([bout_start[:, 1:], end[:, None]], axis=1)
    centres = rng.normal(size=(spec.animals, spec.release.dimensions))
    vectors = np.repeat(centres[animal], spec.embeddings_per_tracklet, axis=0)
    vectors = vectors + 0.2 * rng.normal(size=vectors.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    scales = np.abs(vectors).max(axis=1) / 127
    offsets = (np.arange(spec.embeddings_per_tracklet) + 0.5) / max(spec.embeddings_per_tracklet, 1)
    at = (start[:, None] + (end - start)[:, None] * offsets).astype(np.int64)
    hour_us = 3_600_000_000
    hours = [
        (i, h * hour_us, min(end[i], (h + 1) * hour_us) - max(start[i], h * hour_us))
        for i in range(n)
        for h in range(start[i] // hour_us, (end[i] - 1) // hour_us + 1)
    ]
    hour_of = np.array([h[0] for h in hours], dtype=np.int64)
    observed = np.array([h[2] for h in hours]) / 1_000_000
    speed = 0.02 + 0.05 * rng.random(len(hours))
    return {
        RecordKind.COVERAGE: pa.Table.from_pylist(
            [
                {"camera_id": c, "started_at": extent.start, "ended_at": extent.end, "state": "on", "reason": None}
                for c in spec.camera_ids
            ],
            schema=RECORDS[RecordKind.COVERAGE].schema,
        ),
        RecordKind.TRACKLET: table(
            RecordKind.TRACKLET,
            {
                "tracklet_id": ids,
                "camera_id": cams,
                "started_at": start,
                "ended_at": end,
                "frames": ((end - start) // 250_000).astype(np.int32),
                "confidence": 0.5 + 0.5 * rng.random(n),
            },
        ),
        RecordKind.BOUT: table(
            RecordKind.BOUT,
            {
                "tracklet_id": np.repeat(ids, spec.bouts_per_tracklet),
                "started_at": bout_start.ravel(),
                "ended_at": bout_end.ravel(),
                "behaviour": rng.choice(_BEHAVIOURS, size=n * spec.bouts_per_tracklet),
                "probability": 0.5 + 0.5 * rng.random(n * spec.bouts_per_tracklet),
                "zone_id": None,
            },
        ),
        RecordKind.EMBEDDING: table(
            RecordKind.EMBEDDING,
            {
                "tracklet_id": np.repeat(ids, spec.embeddings_per_tracklet),
                "at": at.ravel(),
                "space_id": spec.release.space_id,
                "vector": list(np.round(vectors / scales[:, None]).astype(np.int8)),
                "scale": scales,
                "quality": 0.5 + 0.5 * rng.random(len(scales)),
            },
        ),
        RecordKind.ACTIVITY: table(
            RecordKind.ACTIVITY,
            {
                "tracklet_id": ids[hour_of],
                "hour": np.array([h[1] for h in hours], dtype=np.int64),
                "observed_s": observed,
                "distance_px": speed * observed * 100,
                "distance_m": speed * observed,
                "speed_p95_m_s": speed * 4,
                "body_length_m": 0.9 + 0.1 * rng.random(len(hours)),
                "body_area_m2": 0.3 + 0.05 * rng.random(len(hours)),
                "calibration_id": np.array([f"{c}-cal-1" for c in cams])[hour_of],
            },
        ),
    }


def write_clip(path: Path, *, frames: int = 8, seed: int = 0, fps: int = 4) -> None:
    """A tiny real H.264 file."""
    import av

    rng = np.random.default_rng(seed)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(frames):
            picture = rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def day_file(folder: Path, kind: FileKind, name: str, **more: object) -> DayFile:
    """A manifest entry that tells the truth about a file."""
    raw = (folder / name).read_bytes()
    rows = pq.read_metadata(folder / name).num_rows if name.endswith(".parquet") else None
    entry = {"kind": kind, "name": name, "bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest(), "rows": rows}
    return DayFile.model_validate(entry | more)


def write_device_day(
    root: Path,
    spec: DaySpec = DaySpec(),
    tables: dict[RecordKind, pa.Table] | None = None,
) -> Path:
    """Write ``<root>/days/<day>/r<revision>/`` as a device would; ``tables`` replaces the records.

    Returns:
        The day's folder, with ``manifest.json`` in it.
    """
    folder = root / "days" / spec.day.isoformat() / f"r{spec.revision}"
    folder.mkdir(parents=True)
    files = []
    for kind, table in (tables or record_tables(spec)).items():
        pq.write_table(table, folder / f"{kind.value}.parquet", compression="zstd")
        files.append(day_file(folder, FileKind(kind.value), f"{kind.value}.parquet"))
    extent = day_extent(spec.day, spec.timezone)
    for i in range(spec.clips):
        camera_id = spec.camera_ids[i % spec.cameras]
        begin = extent.start + timedelta(hours=6, minutes=5 * i)
        name = f"{camera_id}_{begin:%Y%m%dT%H%M%SZ}.mp4"
        if spec.clip_bytes:
            (folder / name).write_bytes(np.random.default_rng(spec.seed + i).bytes(spec.clip_bytes))
        else:
            write_clip(folder / name, seed=spec.seed + i)
        where = {"camera_id": camera_id, "started_at": begin, "ended_at": begin + timedelta(seconds=2)}
        files.append(day_file(folder, FileKind.CLIP, name, **where))
        boxes = name.replace(".mp4", ".boxes.parquet")
        pq.write_table(BOXES_SCHEMA.empty_table(), folder / boxes)
        files.append(day_file(folder, FileKind.BOXES, boxes, **where))
    manifest = Manifest(
        device_id=spec.device_id,
        farm_id=spec.farm_id,
        day=spec.day,
        timezone=spec.timezone,
        revision=spec.revision,
        final=spec.final,
        issued_at=extent.end + timedelta(minutes=5),
        software_version="0.1.0",
        releases=(spec.release,),
        cameras=tuple(camera(c, f"{spec.farm_id}-pen-1") for c in spec.camera_ids),
        files=tuple(files),
    )
    (folder / "manifest.json").write_bytes(manifest.to_bytes())
    return folder


def land(landing: Path, device_day: Path) -> LandedDay:
    """Put a device day's folder where ingest would have landed it, with nothing quarantined."""
    raw = (device_day / "manifest.json").read_bytes()
    manifest = Manifest.model_validate_json(raw)
    folder = landing / manifest.device_id / manifest.day.isoformat() / f"r{manifest.revision}"
    shutil.copytree(device_day, folder / "files", ignore=shutil.ignore_patterns("manifest.json", "*.mp4"))
    (folder / "manifest.json").write_bytes(raw)
    landing_record = Landing(
        manifest_sha256=manifest_sha256(raw),
        records={kind: f"files/{manifest.record_file(kind).name}" for kind in RecordKind},
        sha256={kind: manifest.record_file(kind).sha256 for kind in RecordKind},
        rows={kind: manifest.record_file(kind).rows or 0 for kind in RecordKind},
        quarantined_rows=0,
    )
    (folder / MARKER).write_text(landing_record.model_dump_json())
    return read_landed_day(folder)
