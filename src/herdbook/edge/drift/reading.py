"""One clip through one release, by the recorder's own code."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from herdbook.contracts.activation import Reading
from herdbook.contracts.farmtime import day_extent, local_day
from herdbook.contracts.records import CameraState, RecordKind
from herdbook.edge import video
from herdbook.edge.clips import SourceClip
from herdbook.edge.config import DeviceConfig
from herdbook.edge.drift.clips import RecentClip
from herdbook.edge.drift.identities import count_identities
from herdbook.edge.perception.graph import FileGraphs
from herdbook.edge.prepare import prepare
from herdbook.edge.recorder import record_day
from herdbook.edge.rows import Rows
from herdbook.errors import NotFoundError, VideoSourceError

_WHOLE = 3600.0


def read_clip(
    config: DeviceConfig, clip: RecentClip, folder: Path, *, clip_s: float, graphs: Mapping[str, Path]
) -> tuple[float, Reading]:
    """What a release sees in the first seconds of a clip.

    Args:
        config: the device with the release on it.
        clip: of one of its cameras.
        folder: an empty one to work in.
        clip_s: how much of the clip, seconds; up to the next key frame, and half as much again where that is its end.
        graphs: of the release, by role; of other roles what ``network.json`` names.

    Returns:
        Seconds in which the camera was on, and the reading.

    Raises:
        VideoSourceError: the clip cannot be read, or is gone.
        NotFoundError: the device has no such camera.
        ConfigurationError: the release's engine cannot be made.
    """
    camera = next((camera for camera in config.cameras if camera.camera_id == clip.camera_id), None)
    if camera is None:
        raise NotFoundError(f"device '{config.device_id}' has no camera '{clip.camera_id}'")
    part = _first_part(config, clip, folder, clip_s)
    alone = camera.model_copy(update={"source": str(part.path)})
    alike = config.model_copy(update={"cameras": (alone,), "clip_s": _WHOLE})
    day = local_day(part.start, config.timezone)
    # A device of its own in all but name: what the real one has installed does not count there.
    chosen = FileGraphs(config.compact.threads, graphs) if graphs else None
    issued = record_day(alike, folder / "device", day, start=part.start, final=True, graphs=chosen)
    if not issued.frames:
        raise VideoSourceError(f"{clip.path} shows nothing")
    rows = {kind: pq.read_table(issued.folder / f"{kind.value}.parquet").to_pylist() for kind in RecordKind}
    on = [row for row in rows[RecordKind.COVERAGE] if row["state"] == CameraState.ON.value]
    return sum(map(_seconds, on)), describe_rows(rows)


def describe_rows(rows: Rows) -> Reading:
    """Record rows of one clip as a reading."""
    tracklets = rows[RecordKind.TRACKLET]
    behaviour: defaultdict[str, float] = defaultdict(float)
    for bout in rows[RecordKind.BOUT]:
        behaviour[bout["behaviour"]] += _seconds(bout)
    return Reading(
        tracklets=len(tracklets),
        animal_s=sum(map(_seconds, tracklets)),
        behaviour_s=dict(sorted(behaviour.items())),
        identities=_identities(tracklets, rows[RecordKind.EMBEDDING]),
    )


def _identities(tracklets: list[dict[str, Any]], embeddings: list[dict[str, Any]]) -> int:
    looks: dict[str, list[np.ndarray[Any, np.dtype[np.float64]]]] = {}
    for row in embeddings:
        looks.setdefault(row["tracklet_id"], []).append(np.array(row["vector"], np.float64) * row["scale"])
    seen = [row for row in tracklets if row["tracklet_id"] in looks]
    if not seen:
        return len(tracklets)
    means = np.stack([np.mean(looks[row["tracklet_id"]], axis=0) for row in seen])
    start = np.array([row["started_at"].timestamp() for row in seen])
    end = np.array([row["ended_at"].timestamp() for row in seen])
    return count_identities(means, start, end) + len(tracklets) - len(seen)


def _first_part(config: DeviceConfig, clip: RecentClip, folder: Path, clip_s: float) -> SourceClip:
    header = video.probe(clip.path)
    extent = day_extent(local_day(clip.started_at, config.timezone), config.timezone)
    source = SourceClip(clip.path, clip.started_at)
    parts = prepare(source, header, extent=extent, camera_id=clip.camera_id, folder=folder, clip_s=clip_s)
    first = next(parts, None)
    if first is None:
        raise VideoSourceError(f"{clip.path} shows nothing")
    return SourceClip(first.path, first.start)


def _seconds(row: dict[str, Any]) -> float:
    return float((row["ended_at"] - row["started_at"]).total_seconds())
