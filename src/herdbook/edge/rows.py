"""A finished tracklet as rows of the records."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from herdbook.contracts.camera import Camera
from herdbook.contracts.records import RecordKind
from herdbook.edge.activity import hourly
from herdbook.edge.bouts import bouts
from herdbook.edge.perception.base import Perception
from herdbook.edge.perception.quantise import quantise
from herdbook.edge.tracklets import Moment, Tracklet

Rows = dict[RecordKind, list[dict[str, Any]]]


def tracklet_rows(
    tracklet: Tracklet,
    tracklet_id: str,
    *,
    camera: Camera,
    engine: Perception,
    period_s: float,
    end: datetime,
    bout_s: float,
) -> Rows:
    """Tracklet, bouts, embeddings and activity of one tracklet.

    Args:
        tracklet: finished.
        tracklet_id: its id in the day.
        camera: zones and calibration.
        engine: judges its behaviour.
        period_s: how long a frame lasts.
        end: the day's end, which no row passes.
        bout_s: shortest bout.
    """
    ended_at = min(tracklet.last_at + timedelta(seconds=period_s), end)
    made_by = {"release_id": engine.release.release_id}
    return {
        RecordKind.TRACKLET: [
            {
                "tracklet_id": tracklet_id,
                "camera_id": camera.camera_id,
                "started_at": tracklet.started_at,
                "ended_at": ended_at,
                "frames": tracklet.frames,
                "confidence": tracklet.confidence / tracklet.frames,
                "clip": tracklet.clip,
                **made_by,
            }
        ],
        RecordKind.BOUT: _bout_rows(tracklet, tracklet_id, engine, ended_at, bout_s),
        RecordKind.EMBEDDING: [_embedding_row(m, tracklet_id, engine) for _, m in sorted(tracklet.moments.items())],
        RecordKind.ACTIVITY: hourly(tracklet, camera, engine.release.release_id, tracklet_id),
    }


def _bout_rows(
    tracklet: Tracklet, tracklet_id: str, engine: Perception, ended_at: datetime, bout_s: float
) -> list[dict[str, Any]]:
    track, _ = tracklet.path()
    judged = engine.judge(track)
    found = bouts(judged.probability, max(1, round(bout_s / track.step_s)), bonus=judged.bonus)
    starts = [tracklet.started_at + timedelta(seconds=float(track.seconds[b.first])) for b in found]
    rows: list[dict[str, Any]] = []
    for bout, start, end in zip(found, starts, [*starts[1:], ended_at], strict=True):
        if end <= start:
            continue
        zones = [z for z in judged.zone[bout.first : bout.last + 1] if z is not None]
        main = max(sorted(set(zones)), key=zones.count) if 2 * len(zones) > bout.last - bout.first else None
        rows.append(
            {
                "tracklet_id": tracklet_id,
                "started_at": start,
                "ended_at": end,
                "behaviour": judged.behaviours[bout.behaviour],
                "probability": bout.probability,
                "zone_id": main,
                "clip": tracklet.clip_at(start),
                "release_id": engine.release.release_id,
            }
        )
    return rows


def _embedding_row(moment: Moment, tracklet_id: str, engine: Perception) -> dict[str, Any]:
    vector, scale = quantise(moment.vector)
    return {
        "tracklet_id": tracklet_id,
        "at": moment.at,
        "space_id": engine.release.space_id,
        "vector": vector.tolist(),
        "scale": scale,
        "quality": moment.quality,
        "clip": moment.clip,
        "release_id": engine.release.release_id,
    }
