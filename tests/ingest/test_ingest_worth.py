"""Which clips are worth their bytes."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.contracts.device_day import DayFile, FileKind, Manifest
from herdbook.contracts.farmtime import day_extent
from herdbook.contracts.records import RecordKind, record_table
from herdbook.ingest.worth import Ranked, rank_clips, within_budget
from support.device_day import RELEASE, DaySpec, camera

SPEC = DaySpec()
START = day_extent(SPEC.day, SPEC.timezone).start


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def clip(minute: float, cam: str = "cam-1", size: int = 100, length: float = 5) -> DayFile:
    where = {"camera_id": cam, "started_at": at(minute), "ended_at": at(minute + length)}
    name = f"{cam}_{minute:06.1f}.mp4"
    digest = hashlib.sha256(name.encode()).hexdigest()
    return DayFile.model_validate({"kind": "clip", "name": name, "bytes": size, "sha256": digest} | where)


def manifest(*clips: DayFile) -> Manifest:
    records = [
        DayFile(kind=FileKind(kind.value), name=f"{kind.value}.parquet", bytes=0, sha256="0" * 64, rows=0)
        for kind in RecordKind
    ]
    cameras = sorted({str(c.camera_id) for c in clips})
    return Manifest(
        device_id=SPEC.device_id,
        farm_id=SPEC.farm_id,
        day=SPEC.day,
        timezone=SPEC.timezone,
        revision=1,
        final=True,
        issued_at=at(2000),
        software_version="0",
        releases=(RELEASE,),
        cameras=tuple(camera(c, "pen-1") for c in cameras or ["cam-1"]),
        files=(*records, *clips),
    )


def tracks(*rows: tuple[str, float, float, float, list[tuple[str, float, float]]]) -> dict[RecordKind, pa.Table]:
    """Tracklets as (camera, start, end, confidence, bouts as (behaviour, start, end)), times in minutes."""
    made_by = {"clip": None, "release_id": RELEASE.release_id}
    tracklets, bouts = [], []
    for i, (cam, start, end, confidence, behaviours) in enumerate(rows):
        times = {"started_at": at(start), "ended_at": at(end)}
        track = {"tracklet_id": f"t{i}", "camera_id": cam, "frames": 1, "confidence": confidence}
        tracklets.append(track | times | made_by)
        for name, a, b in behaviours:
            times = {"started_at": at(a), "ended_at": at(b)}
            bouts.append(
                {"tracklet_id": f"t{i}", "behaviour": name, "probability": 1.0, "zone_id": None} | times | made_by
            )
    return {
        RecordKind.TRACKLET: record_table(RecordKind.TRACKLET, tracklets),
        RecordKind.BOUT: record_table(RecordKind.BOUT, bouts),
    }


def worths(ranked: list[Ranked]) -> dict[str, float]:
    return {item.clip.name: item.worth for item in ranked}


def test_the_formula_by_hand() -> None:
    # 30 minutes of lying, 10 of walking; the first clip sees both animals, one of them walking.
    records = tracks(
        ("cam-1", 0, 30, 0.9, [("lying", 0, 30)]),
        ("cam-1", 0, 10, 0.5, [("walking", 0, 10)]),
    )
    first, second, third = clip(0), clip(20), clip(40)
    found = worths(rank_clips(manifest(first, second, third), records))
    assert found[first.name] == pytest.approx(0.5 * (1 - 10 / 40) + 0.3 * (1 - 0.7) + 0.2 * 2 / 2)
    assert found[second.name] == pytest.approx(0.5 * (1 - 30 / 40) + 0.3 * (1 - 0.9) + 0.2 * 1 / 2)
    assert found[third.name] == 0


def test_only_the_clips_own_camera_counts() -> None:
    records = tracks(("cam-1", 0, 30, 0.9, [("lying", 0, 30)]))
    found = worths(rank_clips(manifest(clip(0), clip(0, "cam-2")), records))
    assert found[clip(0).name] > 0
    assert found[clip(0, "cam-2").name] == 0


def test_half_open_intervals_do_not_touch() -> None:
    records = tracks(("cam-1", 5, 10, 0.9, [("lying", 5, 10)]))
    found = worths(rank_clips(manifest(clip(0), clip(5), clip(10)), records))
    assert [found[clip(m).name] > 0 for m in (0, 5, 10)] == [False, True, False]


def test_one_busy_hour_does_not_take_all() -> None:
    busy = [clip(600 + 5 * i) for i in range(12)]
    night = [clip(60 * hour) for hour in range(4)]
    records = tracks(("cam-1", 600, 660, 0.1, [("walking", 600, 660)]), ("cam-1", 0, 600, 1, [("lying", 0, 600)]))
    ranked = rank_clips(manifest(*busy, *night), records)
    best = {item.clip.name for item in ranked[:8]}
    assert {c.name for c in night} <= best


def test_a_day_without_records_is_spread_evenly() -> None:
    clips = [clip(60 * hour + 20 * i) for hour in range(6) for i in range(3)]
    ranked = rank_clips(manifest(*clips), tracks())
    hours = [item.clip.started_at.hour for item in ranked[:6] if item.clip.started_at]
    assert sorted(hours) == list(range(6))


minutes = st.integers(0, 1400)
days = st.lists(
    st.tuples(
        st.sampled_from(["cam-1", "cam-2"]),
        minutes,
        st.integers(1, 30),
        st.floats(0, 1),
        st.sampled_from(["lying", "walking", "social"]),
    ),
    max_size=12,
)
clip_lists = st.lists(
    st.tuples(minutes, st.sampled_from(["cam-1", "cam-2"]), st.integers(1, 100)), max_size=15, unique_by=lambda c: c[:2]
)


@given(days, clip_lists, st.randoms(use_true_random=False))
def test_the_order_depends_on_nothing_but_the_day(day: list, chosen: list, random: object) -> None:  # type: ignore[type-arg]
    records = tracks(*((cam, a, a + n, c, [(name, a, a + n)]) for cam, a, n, c, name in day))
    clips = [clip(*one) for one in chosen]
    ranked = rank_clips(manifest(*clips), records)
    random.shuffle(clips)  # type: ignore[attr-defined]
    again = rank_clips(manifest(*clips), records)
    assert [item.clip.name for item in ranked] == [item.clip.name for item in again]
    assert {item.clip.name for item in ranked} == {c.name for c in clips}
    assert all(0 <= item.worth <= 1 for item in ranked)


@given(st.lists(st.integers(1, 50), max_size=20), st.integers(0, 300))
def test_a_budget_is_kept_and_nothing_that_fits_is_left(sizes: list[int], budget: int) -> None:
    ranked = [Ranked(clip(i, size=size), 1.0) for i, size in enumerate(sizes)]
    taken, left = within_budget(ranked, budget)
    spent = sum(item.clip.bytes for item in taken)
    assert spent <= budget
    assert all(item.clip.bytes > budget - spent for item in left)
    assert sorted(item.clip.name for item in taken + left) == sorted(item.clip.name for item in ranked)
