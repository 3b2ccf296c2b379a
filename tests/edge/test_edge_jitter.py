"""Frames come when they come: whatever their times, ingest accepts every row that the recorder makes of them."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from herdbook.contracts.camera import Calibration, Camera
from herdbook.contracts.device_day import Manifest
from herdbook.contracts.records import RecordKind
from herdbook.edge import coverage
from herdbook.edge.config import MOTION_RELEASE
from herdbook.edge.perception.base import Box, Instance, Shape
from herdbook.edge.perception.motion import MotionEngine
from herdbook.edge.perception.parameters import MotionParameters
from herdbook.edge.revision import write_records
from herdbook.edge.rows import Rows, tracklet_rows
from herdbook.edge.tracklets import Tracklet
from herdbook.ingest.verify import verify_records
from support import pen_video

DAY = datetime(2026, 6, 1, tzinfo=UTC)
CAMERA = Camera(
    camera_id="cam-1",
    pen_id="pen-1",
    width=pen_video.WIDTH,
    height=pen_video.HEIGHT,
    fps=2,
    calibrations=(Calibration(calibration_id="c", homography=(0.02, 0, 0, 0, 0.02, 0, 0, 0, 1), valid_from=DAY),),
)


@pytest.fixture(scope="module")
def engine() -> MotionEngine:
    engine = MotionEngine(MOTION_RELEASE, MotionParameters())
    engine.open(CAMERA, pen_video.floor(), list)
    return engine


def times(rng: np.random.Generator, fps: float, jitter: float, start_s: float, hours: float) -> list[datetime]:
    """Strictly increasing, each up to ``jitter`` periods from where it should be."""
    count = int(hours * 3600 * fps)
    seconds = start_s + (np.arange(count) + jitter * rng.uniform(-0.49, 0.49, count)) / fps
    return [DAY + timedelta(microseconds=round(max(second, 0) * 1e6)) for second in seconds]


@settings(max_examples=12)
@given(
    fps=st.sampled_from([0.7, 1.3, 1.9980, 23.976 / 12]),
    jitter=st.floats(0, 1),
    start_s=st.floats(0.8, 20 * 3600),
    hours=st.floats(0.01, 2.4),
    told=st.floats(0.9, 1.1),
    seed=st.integers(0, 99),
)
def test_ingest_accepts_what_the_recorder_makes_of_jittered_frames(
    engine: MotionEngine, *, fps: float, jitter: float, start_s: float, hours: float, told: float, seed: int
) -> None:
    moments = times(np.random.default_rng(seed), fps, jitter, start_s, hours)
    period = told / fps  # a clip's header says it, not quite right
    tracklet = Tracklet(1, "", moments[0], moments[0])
    for n, at in enumerate(moments):
        x = 40 + (n // 50) % 60
        seen = Instance(1, Box(x - 10, 50, 20, 10), Shape(x, 60, 20, 10, 0.0, 150), 0.9, 0.9)
        tracklet.add(at, "", n + 1, seen, period)
    end = DAY + timedelta(days=1)
    rows: Rows = tracklet_rows(
        tracklet,
        "d:2026-06-01:cam-1:1",
        camera=CAMERA,
        engine=engine,
        period_s=period,
        end=end,
        bout_s=MotionParameters().min_bout_s,
    )
    for row in [row for kind in rows.values() for row in kind]:
        row["clip"] = None
    rows[RecordKind.COVERAGE] = coverage.rows("cam-1", coverage.lay([], DAY, end, "none"))
    observed = sum(row["observed_s"] for row in rows[RecordKind.ACTIVITY])
    assert observed <= (moments[-1] - moments[0]).total_seconds() + period + 1e-6
    with tempfile.TemporaryDirectory() as folder:
        files = write_records(Path(folder), rows)
        manifest = Manifest(
            device_id="d",
            farm_id="f",
            day=DAY.date(),
            timezone="UTC",
            revision=1,
            final=True,
            issued_at=end,
            software_version="0",
            releases=(MOTION_RELEASE,),
            cameras=(CAMERA,),
            files=tuple(files),
        )
        verified = verify_records(manifest, Path(folder))
    assert verified.findings == []


def test_a_fully_observed_hour_is_an_hour_to_the_microsecond() -> None:
    start = DAY + timedelta(minutes=59, seconds=59.7)
    tracklet = Tracklet(1, "", start, start)
    seen = Instance(1, Box(0, 0, 20, 10), Shape(10, 5, 20, 10, 0.0, 150), 0.9, 0.9)
    for n in range(3 * 3600):
        tracklet.add(start + n * timedelta(seconds=0.7), "", n + 1, seen, 0.7)
    assert tracklet.observed[DAY + timedelta(hours=1)] == timedelta(hours=1)
    assert sum(tracklet.observed.values(), timedelta()) == 3 * 3600 * timedelta(seconds=0.7)
