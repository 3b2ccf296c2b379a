"""The same plan gives the same bytes, however often it is interrupted."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from herdbook.errors import ConfigurationError
from herdbook.simulate.plan import FarmPlan
from herdbook.simulate.run import planned_frames, simulate_farm

TINY = FarmPlan(
    seed=11, days=2, pens=2, animals_per_pen=2, width=160, height=120, fps=2, clips_per_day=2, clip_seconds=3,
    outages_per_day=1,
)  # fmt: skip


def _tree(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("tiny") / "farm"
    frames = []
    days = simulate_farm(TINY, out, frames.append)
    assert sum(frames) == planned_frames(TINY) == sum(d.frames for d in days)
    assert [(d.device_id, str(d.day)) for d in days] == [
        (f"barn-a-{n}", f"2026-03-0{d}") for n in (1, 2) for d in (2, 3)
    ]
    return out


def test_the_same_plan_gives_the_same_bytes(tiny: Path, tmp_path: Path) -> None:
    simulate_farm(TINY, tmp_path / "again")
    assert _tree(tmp_path / "again") == _tree(tiny)


def test_devices_side_by_side_give_the_same_bytes(tiny: Path, tmp_path: Path) -> None:
    frames = []
    days = simulate_farm(TINY, tmp_path / "farm", frames.append, jobs=2)
    assert [d.device_id for d in days] == ["barn-a-1"] * 2 + ["barn-a-2"] * 2
    assert sum(frames) == planned_frames(TINY)
    assert _tree(tmp_path / "farm") == _tree(tiny)


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_interrupted_at_any_frame_it_continues_to_the_same_bytes(tiny: Path, tmp_path: Path, data) -> None:
    out = tmp_path / f"farm-{data.draw(st.integers(0, 10**9))}"
    stop_at = data.draw(st.integers(1, planned_frames(TINY)))
    drawn = 0

    def interrupt(frames: int) -> None:
        nonlocal drawn
        drawn += frames
        if drawn >= stop_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate_farm(TINY, out, interrupt)
    simulate_farm(TINY, out)
    assert _tree(out) == _tree(tiny)


def test_finished_days_are_skipped_and_leave_their_files_alone(tiny: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in tiny.rglob("*") if p.is_file()}
    frames = []
    days = simulate_farm(TINY, tiny, frames.append)
    assert all(d.skipped for d in days)
    assert sum(frames) == planned_frames(TINY)
    assert {p: p.stat().st_mtime_ns for p in tiny.rglob("*") if p.is_file()} == before


def test_a_folder_with_another_farm_is_refused_and_left_alone(tiny: Path) -> None:
    before = _tree(tiny)
    with pytest.raises(ConfigurationError, match="another farm"):
        simulate_farm(TINY.model_copy(update={"seed": 12}), tiny)
    assert _tree(tiny) == before


def test_nothing_is_left_unfinished(tiny: Path) -> None:
    assert not [p for p in tiny.rglob("*") if ".part" in p.name]


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**40),
    animals=st.integers(1, 10),
    cameras=st.integers(1, 2),
    size=st.sampled_from([(160, 120), (240, 320), (320, 180)]),
    fps=st.integers(1, 6),
)
def test_any_farm_has_its_boxes_in_the_picture(
    tmp_path: Path, *, seed: int, animals: int, cameras: int, size: tuple[int, int], fps: int
) -> None:
    plan = FarmPlan(
        seed=seed, days=1, pens=1, animals_per_pen=animals, cameras_per_pen=cameras, width=size[0], height=size[1],
        fps=fps, clips_per_day=2, clip_seconds=2, outages_per_day=1,
    )  # fmt: skip
    out = tmp_path / f"{seed}-{animals}-{cameras}-{size[0]}-{fps}"
    (day,) = simulate_farm(plan, out)
    boxes = pq.read_table(out / "truth" / day.device_id / "2026-03-02" / "boxes.parquet")
    x, y, w, h = (boxes[c].to_numpy() for c in ("x", "y", "width", "height"))
    assert np.all((x >= 0) & (y >= 0) & (w > 0) & (h > 0) & (x + w <= plan.width) & (y + h <= plan.height))
    assert len(
        set(zip(boxes["clip"].to_pylist(), boxes["frame"].to_pylist(), boxes["tracklet_id"].to_pylist(), strict=True))
    ) == len(boxes)
    assert len(list(out.rglob("*.mp4"))) == day.clips
    assert replace(day, skipped=False) == day
