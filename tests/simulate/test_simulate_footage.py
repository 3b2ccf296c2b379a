"""Footage is what cameras write, and truth is what footage shows."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from herdbook.contracts import farmtime
from herdbook.contracts.records import BOXES_SCHEMA, RECORDS, RecordKind
from herdbook.errors import FileFormatError, MissingDependencyError
from herdbook.simulate import masks
from herdbook.simulate.coats import Coat, Pattern
from herdbook.simulate.opencv import opencv
from herdbook.simulate.trajectory import Trajectory
from support.written_farm import SMALL, Written, decode


def _start(clip: Path) -> datetime:
    return datetime.strptime(clip.stem.split("_")[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def _masks(farm: Written, camera_id: str = "cam-1") -> dict[tuple[str, int], np.ndarray]:
    return {(m.clip, m.frame): m.labels for m in masks.read_masks(farm.truth() / "masks" / f"{camera_id}.parquet")}


def _coverage(farm: Written) -> list[dict]:
    with (farm.truth() / "coverage.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        row["started_at"], row["ended_at"] = (datetime.fromisoformat(row[k]) for k in ("started_at", "ended_at"))
    return rows


def test_clips_are_h264_of_the_planned_size_and_rate(small_farm: Written) -> None:
    assert small_farm.clips()
    for clip in small_farm.clips():
        with av.open(str(clip)) as container:
            stream = container.streams.video[0]
            assert stream.codec_context.name == "h264"
            assert (stream.width, stream.height, stream.average_rate) == (SMALL.width, SMALL.height, SMALL.fps)
            times = [float(f.pts * f.time_base) for f in container.decode(stream)]
        assert np.allclose(times, np.arange(len(times)) / SMALL.fps)


def test_a_clip_has_as_many_frames_as_its_time_on_and_as_its_truth(small_farm: Written) -> None:
    on = {r["started_at"]: r["ended_at"] for r in _coverage(small_farm) if r["state"] == "on"}
    known = _masks(small_farm)
    assert {_start(c) for c in small_farm.clips()} == set(on)
    for clip in small_farm.clips():
        frames = len(decode(clip))
        assert frames == (on[_start(clip)] - _start(clip)).total_seconds() * SMALL.fps
        assert sorted(frame for name, frame in known if name == clip.name) == list(range(1, frames + 1))


def test_coverage_fills_the_day_and_an_outage_has_no_clip(small_farm: Written) -> None:
    rows = _coverage(small_farm)
    assert list(rows[0]) == RECORDS[RecordKind.COVERAGE].schema.names
    extent = farmtime.day_extent(SMALL.start_day, SMALL.timezone)
    assert (rows[0]["started_at"], rows[-1]["ended_at"]) == extent
    assert all(a["ended_at"] == b["started_at"] for a, b in pairwise(rows))
    outages = [r for r in rows if r["state"] == "off" and r["reason"] != "no clip planned"]
    assert outages
    for clip in small_farm.clips():
        start = _start(clip)
        end = start + timedelta(seconds=len(decode(clip)) / SMALL.fps)
        assert not any(start < o["ended_at"] and o["started_at"] < end for o in outages)
    # an outage begins within a clip, so it cuts one short or in two
    planned = SMALL.clip_starts(SMALL.start_day)
    for outage in outages:
        assert any(s < outage["started_at"] < s + timedelta(seconds=SMALL.clip_seconds) for s in planned)


def test_boxes_keep_the_contract_and_lie_in_the_picture(small_farm: Written) -> None:
    table = pq.read_table(small_farm.truth() / "boxes.parquet")
    assert table.schema.equals(BOXES_SCHEMA)
    x, y, w, h = (table[c].to_numpy() for c in ("x", "y", "width", "height"))
    assert np.all((x >= 0) & (y >= 0) & (x + w <= SMALL.width) & (y + h <= SMALL.height) & (w > 0) & (h > 0))
    assert set(table["tracklet_id"].to_pylist()) == {a.animal_id for a in small_farm.farm.animals}
    for row in table.slice(0, 50).to_pylist():
        expected = _start(Path(row["clip"])) + timedelta(seconds=(row["frame"] - 1) / SMALL.fps)
        assert abs(row["at"] - expected) <= timedelta(microseconds=1)


def test_one_camera_sees_every_animal_in_every_frame(small_farm: Written) -> None:
    seen = defaultdict(set)
    for row in small_farm.boxes():
        seen[row["clip"], row["frame"]].add(row["tracklet_id"])
    assert set(seen) == set(_masks(small_farm))
    assert all(len(animals) == SMALL.animals_per_pen for animals in seen.values())


def test_a_mask_lies_inside_its_box_and_touches_its_sides_when_nothing_hides_it(small_farm: Written) -> None:
    animals = [a.animal_id for a in small_farm.farm.animals]
    known, tight = _masks(small_farm), []
    for row in small_farm.boxes():
        ys, xs = np.nonzero(known[row["clip"], row["frame"]] == animals.index(row["tracklet_id"]) + 1)
        x, y, w, h = (int(row[k]) for k in ("x", "y", "width", "height"))
        assert xs.min() >= x
        assert ys.min() >= y
        assert xs.max() < x + w
        assert ys.max() < y + h
        tight.append((xs.min(), ys.min(), xs.max() + 1 - xs.min(), ys.max() + 1 - ys.min()) == (x, y, w, h))
    assert np.mean(tight) > 0.8


def test_motchallenge_files_say_what_boxes_say(small_farm: Written) -> None:
    animals = [a.animal_id for a in small_farm.farm.animals]
    said = set()
    for path in (small_farm.truth() / "mot").glob("*.txt"):
        for line in path.read_text().splitlines():
            frame, number, x, y, w, h, confidence, *rest = line.split(",")
            assert (confidence, rest) == ("1", ["-1"] * 3)
            said.add((f"{path.stem}.mp4", int(frame), animals[int(number) - 1], *map(float, (x, y, w, h))))
    columns = ("clip", "frame", "tracklet_id", "x", "y", "width", "height")
    assert said == {tuple(r[c] for c in columns) for r in small_farm.boxes()}


def _coat_colours(coat: Coat) -> np.ndarray:
    second = [] if coat.pattern is Pattern.PLAIN else [coat.second]
    return np.array([coat.base, coat.spray, *second], float)


def test_pixels_of_a_mask_have_the_colours_of_the_animals_coat(small_farm: Written) -> None:
    """Shading dims a coat's colours between 0.6 and 1.06, so a pixel is compared with all of them."""
    known, animals = _masks(small_farm), small_farm.farm.animals
    shades = np.linspace(0.55, 1.1, 12)[:, None, None]
    for clip in small_farm.clips()[:3]:
        frame = decode(clip)[3].astype(float)
        labels = known[clip.name, 4]
        for number, animal in enumerate(animals, start=1):
            inner = cv2.erode((labels == number).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
            if inner.sum() < 100:
                continue
            candidates = (_coat_colours(animal.coat) * shades).reshape(-1, 3)
            distance = np.linalg.norm(frame[inner][:, None] - candidates, axis=-1).min(axis=1)
            assert np.mean(distance < 40) > 0.85, animal.animal_id


def test_what_is_not_masked_is_the_empty_pen(small_farm: Written) -> None:
    """But for shadow near animals, noise, and light that drifts by a few per cent."""
    folder = small_farm.clips()[0].parent
    empty = cv2.cvtColor(cv2.imread(str(folder / "background.png")), cv2.COLOR_BGR2RGB).astype(float)
    assert empty.shape == (SMALL.height, SMALL.width, 3)
    known = _masks(small_farm)
    for clip in small_farm.clips():
        frame = decode(clip)[0].astype(float)
        near = cv2.dilate((known[clip.name, 1] > 0).astype(np.uint8), np.ones((25, 25), np.uint8)) > 0
        light = np.median(frame[~near] / np.maximum(empty[~near], 20))
        assert 0.9 < light < 1.1
        off = np.abs(cv2.blur(frame - empty * light, (5, 5)))[~near].max(axis=-1)
        assert np.mean(off > 12) < 0.002


def test_a_plain_colour_histogram_tells_animals_apart_across_clips(small_farm: Written) -> None:
    """Leave-one-clip-out nearest neighbour on a coarse histogram of hue, saturation and value."""
    known, n = _masks(small_farm), len(small_farm.farm.animals)
    looks, names, clips = [], [], []
    for clip in small_farm.clips():
        frames = decode(clip)
        for k in (0, len(frames) - 1):
            hsv = cv2.cvtColor(frames[k], cv2.COLOR_RGB2HSV)
            for number in range(1, n + 1):
                mask = (known[clip.name, k + 1] == number).astype(np.uint8)
                if mask.sum() < 200:
                    continue
                histogram = cv2.calcHist([hsv], [0, 1, 2], mask, [12, 4, 4], [0, 180, 0, 256, 0, 256]).ravel()
                looks.append(np.sqrt(histogram / histogram.sum()))
                names.append(number)
                clips.append(clip.name)
    alike = np.array(looks) @ np.array(looks).T
    alike[np.array(clips)[:, None] == np.array(clips)] = -1
    found = np.array(names)[alike.argmax(axis=1)]
    assert np.mean(found == names) > 0.97


def test_behaviours_on_disk_fill_the_day_and_paths_place_the_boxes(small_farm: Written) -> None:
    farm, extent = small_farm.farm, farmtime.day_extent(SMALL.start_day, SMALL.timezone)
    seconds: dict[str, float] = defaultdict(float)
    for row in small_farm.behaviours():
        seconds[row["animal_id"]] += (row["ended_at"] - row["started_at"]).total_seconds()
    assert set(seconds) == {a.animal_id for a in farm.animals}
    assert all(s == pytest.approx((extent.end - extent.start).total_seconds()) for s in seconds.values())

    paths = pq.read_table(small_farm.truth() / "paths.parquet")
    for animal in farm.animals:
        own = paths.filter(pa.compute.equal(paths["animal_id"], animal.animal_id))
        times = own["at"].cast(pa.int64()).to_numpy() / 1e6
        way = Trajectory(times, np.column_stack([own[c].to_numpy() for c in ("x_m", "y_m", "heading_rad")]))
        for row in [r for r in small_farm.boxes() if r["tracklet_id"] == animal.animal_id][::7]:
            centre = np.array([row["x"] + row["width"] / 2, row["y"] + row["height"] / 2, 1.0])
            metres = farm.cameras[0].to_metres @ centre
            true = way.at(np.array([row["at"].timestamp()]))[0]
            assert np.hypot(*(metres[:2] - true[:2])) < 0.2


def test_two_cameras_over_a_pen_agree_on_whom_they_both_see(two_camera_farm: Written) -> None:
    farm = two_camera_farm.farm
    at = defaultdict(dict)
    for row in two_camera_farm.boxes():
        camera = next(c for c in farm.cameras if row["clip"].startswith(f"{c.camera_id}_"))
        inner = row["x"] > 2 and row["x"] + row["width"] < farm.plan.width - 2
        centre = camera.to_metres @ [row["x"] + row["width"] / 2, row["y"] + row["height"] / 2, 1.0]
        at[row["at"], row["tracklet_id"]][camera.camera_id] = centre[:2] if inner else None
    both = [list(v.values()) for v in at.values() if len(v) == 2 and all(p is not None for p in v.values())]
    assert len({c for v in at.values() for c in v}) == 2
    assert both
    assert max(np.hypot(*(a - b)) for a, b in both) < 0.06
    frames = {t for t, _ in at}
    assert len(at) == len(frames) * len(farm.animals)  # together they see everybody


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20)), elements=st.integers(0, 3)))
def test_run_lengths_give_the_picture_back(labels: np.ndarray) -> None:
    runs = masks.encode(labels)
    assert runs.lengths.sum() == labels.size
    assert np.all(runs.labels[1:] != runs.labels[:-1])
    assert np.array_equal(masks.decode(runs, labels.shape[1], labels.shape[0]), labels)


def test_runs_that_do_not_fill_the_picture_are_refused() -> None:
    with pytest.raises(FileFormatError, match="3 pixels"):
        masks.decode(masks.Runs(np.array([1], np.uint8), np.array([3], np.int32)), 2, 2)


def test_without_opencv_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cv2", None)
    with pytest.raises(MissingDependencyError, match="OpenCV") as caught:
        opencv()
    assert "herdbook[edge]" in caught.value.remedy
