"""A finished tracklet as rows of the records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from herdbook.contracts.camera import Camera
from herdbook.contracts.records import RecordKind
from herdbook.edge.activity import hourly
from herdbook.edge.bouts import Bout, bouts
from herdbook.edge.perception.base import Perception, Track
from herdbook.edge.perception.quantise import quantise
from herdbook.edge.tracklets import Moment, Tracklet

LONGEST_GAP_S = 2.0
"""An animal that was hidden for longer may have done anything meanwhile: its bout ends where it was seen last."""

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
    found = [part for bout in found for part in _unbroken(bout, track)]
    starts = [tracklet.started_at + timedelta(seconds=float(track.seconds[b.first])) for b in found]
    rows: list[dict[str, Any]] = []
    for bout, start, following in zip(found, starts, [*starts[1:], ended_at], strict=True):
        shown = tracklet.started_at + timedelta(seconds=float(track.seconds[bout.last]) + track.step_s)
        end = shown if (following - shown).total_seconds() > LONGEST_GAP_S else following
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


def _unbroken(bout: Bout, track: Track) -> Iterator[Bout]:
    """The parts of a bout in which the animal was seen without a long gap."""
    gaps = np.flatnonzero(np.diff(track.seconds[bout.first : bout.last + 1]) > LONGEST_GAP_S + track.step_s)
    firsts = [bout.first, *(bout.first + gaps + 1).tolist()]
    for first, following in zip(firsts, [*firsts[1:], bout.last + 1], strict=True):
        yield replace(bout, first=first, last=following - 1)


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
