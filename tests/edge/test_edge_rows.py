"""Rows of a tracklet whose animal was hidden for a while."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from herdbook.contracts.camera import Camera
from herdbook.contracts.records import RecordKind
from herdbook.edge.config import MOTION_RELEASE
from herdbook.edge.perception.base import Box, Instance, Judgement, Shape, Track
from herdbook.edge.perception.motion import MotionEngine
from herdbook.edge.perception.parameters import MotionParameters
from herdbook.edge.rows import tracklet_rows
from herdbook.edge.tracklets import Tracklet

T0 = datetime(2026, 6, 1, 12, tzinfo=UTC)
CAMERA = Camera(camera_id="cam-1", pen_id="pen-1", width=160, height=120, fps=5)


class Sleeper(MotionEngine):
    """Says of every step that the animal sleeps."""

    def judge(self, track: Track) -> Judgement:
        steps = len(track.seconds)
        return Judgement(("sleeping", "walking"), np.tile([0.9, 0.1], (steps, 1)), (None,) * steps)


@pytest.mark.parametrize(("hidden_s", "bouts"), [(1.5, 1), (5.0, 2)])
def test_nothing_is_claimed_of_the_time_in_which_an_animal_was_hidden(hidden_s: float, bouts: int) -> None:
    tracklet = Tracklet(1, "a.mp4", T0, T0, 7)
    seen = Instance(7, Box(0, 0, 20, 10), Shape(10, 5, 20, 10, 0.0, 150), 0.9, 0.9)
    moments = [n / 5 for n in range(50)]
    moments += [moments[-1] + 0.2 + hidden_s + n / 5 for n in range(50)]
    for n, second in enumerate(moments):
        tracklet.add(T0 + timedelta(seconds=second), "a.mp4", n + 1, seen, 0.2)
    rows = tracklet_rows(
        tracklet,
        "d:2026-06-01:cam-1:1",
        camera=CAMERA,
        engine=Sleeper(MOTION_RELEASE, MotionParameters()),
        period_s=0.2,
        end=T0 + timedelta(hours=1),
        bout_s=2,
    )[RecordKind.BOUT]
    assert len(rows) == bouts
    claimed = sum(((row["ended_at"] - row["started_at"]) for row in rows), timedelta())
    assert claimed.total_seconds() == pytest.approx(20 + (hidden_s if bouts == 1 else 0), abs=0.8)
    assert rows[-1]["ended_at"] == T0 + timedelta(seconds=moments[-1] + 0.2)
