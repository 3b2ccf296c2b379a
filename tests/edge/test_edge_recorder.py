from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pyarrow.parquet as pq
import pytest
from edge_cases import AFTERWARDS, DAY, MakeDevice

from herdbook.contracts.device_day import FileKind, parse_manifest
from herdbook.contracts.digest import sha256_of
from herdbook.contracts.ethogram import load_ethogram
from herdbook.contracts.identifiers import tracklet_prefix
from herdbook.contracts.records import BOXES_SCHEMA, RECORDS, RecordKind
from herdbook.edge.config import DeviceConfig
from herdbook.edge.locks import one_recorder
from herdbook.edge.recorder import Issued, record_day
from herdbook.errors import ConfigurationError, StorageError, VideoSourceError
from support import pen_video


def record(config: DeviceConfig, root: Path, **options: Any) -> Issued:
    return record_day(config, root, DAY, now=options.pop("now", AFTERWARDS), **options)


def rows(issued: Issued, kind: RecordKind | str) -> list[dict[str, Any]]:
    return pq.read_table(issued.folder / f"{kind}.parquet").to_pylist()


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def recorded(make_device: MakeDevice, clip_folder: Path, tmp_path: Path) -> Issued:
    return record(make_device(clip_folder), tmp_path / "root")


def test_the_manifest_is_valid_and_true_of_the_files(recorded: Issued) -> None:
    manifest = parse_manifest((recorded.folder / "manifest.json").read_bytes())
    assert (manifest.day, manifest.revision, manifest.final) == (DAY, 1, True)
    for file in manifest.files:
        path = recorded.folder / file.name
        assert path.stat().st_size == file.bytes
        assert sha256_of(path) == file.sha256
        if file.kind is not FileKind.CLIP:
            assert pq.read_metadata(path).num_rows == file.rows
    for kind in RecordKind:
        assert pq.read_schema(recorded.folder / f"{kind}.parquet").equals(RECORDS[kind].schema)
    assert pq.read_schema(recorded.folder / "boxes_cam-1.parquet").equals(BOXES_SCHEMA)
    extra = {p.name for p in recorded.folder.iterdir()} - {f.name for f in manifest.files}
    assert extra == {"manifest.json", "inputs.json"}


def test_records_keep_what_the_contract_promises(recorded: Issued, make_device: MakeDevice) -> None:
    manifest = parse_manifest((recorded.folder / "manifest.json").read_bytes())
    clips = {f.name: f for f in manifest.of_kind(FileKind.CLIP)}
    tracklets = {row["tracklet_id"]: row for row in rows(recorded, RecordKind.TRACKLET)}
    assert tracklets
    assert all(key.startswith(tracklet_prefix("barn-1", "2026-06-01") + "cam-1:") for key in tracklets)
    known = load_ethogram("pig-9").names
    bouts = defaultdict(list)
    for row in rows(recorded, RecordKind.BOUT):
        bouts[row["tracklet_id"]].append(row)
        assert row["behaviour"] in known
        assert 0 < row["probability"] <= 1
    for key, tracklet in tracklets.items():
        assert manifest.extent.start <= tracklet["started_at"] < tracklet["ended_at"] <= manifest.extent.end
        mine = sorted(bouts[key], key=lambda row: row["started_at"])
        assert mine[0]["started_at"] == tracklet["started_at"]
        assert mine[-1]["ended_at"] == tracklet["ended_at"]
        assert all(a["ended_at"] == b["started_at"] for a, b in pairwise(mine))
    for kind in (RecordKind.TRACKLET, RecordKind.BOUT, RecordKind.EMBEDDING, RecordKind.ACTIVITY):
        for row in rows(recorded, kind):
            assert row["tracklet_id"] in tracklets
            assert row["clip"] in clips
            assert row["release_id"] == "motion-1"
    for row in rows(recorded, RecordKind.EMBEDDING):
        assert clips[row["clip"]].started_at <= row["at"] < clips[row["clip"]].ended_at
        assert abs(sum((v * row["scale"]) ** 2 for v in row["vector"]) - 1) < 0.02
    assert {row["tracklet_id"] for row in rows(recorded, RecordKind.EMBEDDING)} == set(tracklets)
    assert all(row["calibration_id"] == "true" for row in rows(recorded, RecordKind.ACTIVITY))
    boxes = rows(recorded, "boxes_cam-1")
    assert {row["tracklet_id"] for row in boxes} == set(tracklets)
    assert len({(row["clip"], row["frame"], row["tracklet_id"]) for row in boxes}) == len(boxes)
    counts = defaultdict(int)
    for row in boxes:
        counts[row["tracklet_id"]] += 1
    assert counts == {key: tracklet["frames"] for key, tracklet in tracklets.items()}


def test_the_walker_walks_the_lying_one_lies_and_both_go_on_from_clip_to_clip(recorded: Issued) -> None:
    tracklets = rows(recorded, RecordKind.TRACKLET)
    assert len(tracklets) == 4  # two animals; the first two clips follow each other, the third comes a minute later
    long = [t for t in tracklets if (t["ended_at"] - t["started_at"]).total_seconds() == 24]
    assert len(long) == 2
    behaviour = {row["tracklet_id"]: row["behaviour"] for row in rows(recorded, RecordKind.BOUT)}
    distance = {row["tracklet_id"]: row["distance_m"] for row in rows(recorded, RecordKind.ACTIVITY)}
    lying, walking = sorted((t["tracklet_id"] for t in long), key=lambda t: distance[t])
    assert behaviour[lying] == "lying"
    assert behaviour[walking] == "walking"
    assert distance[lying] == 0
    # 33 pixels of 2 cm per second, less what the turns cut off
    assert distance[walking] == pytest.approx(24 * 0.667, rel=0.15)


def test_coverage_tells_footage_from_gaps(recorded: Issued) -> None:
    noon = datetime(2026, 6, 1, 11, tzinfo=UTC)
    found = [(r["state"], r["reason"], r["started_at"], r["ended_at"]) for r in rows(recorded, RecordKind.COVERAGE)]
    assert [(state, reason) for state, reason, *_ in found] == [
        ("off", "no footage"),
        ("on", None),
        ("off", "no footage"),
        ("on", None),
        ("off", "no footage"),
    ]
    assert found[1][2:] == (noon, noon + timedelta(seconds=24))
    assert found[3][2:] == (noon + timedelta(seconds=72), noon + timedelta(seconds=84))
    assert found[-1][3] == datetime(2026, 6, 1, 23, tzinfo=UTC)


def test_the_same_footage_gives_the_same_bytes(make_device: MakeDevice, clip_folder: Path, tmp_path: Path) -> None:
    config = make_device(clip_folder)
    one, two = (record(config, tmp_path / name) for name in ("one", "two"))
    assert content(one.folder) == content(two.folder)


def test_unchanged_footage_is_left_alone_and_new_footage_is_a_new_revision(
    make_device: MakeDevice, clip_folder: Path, tmp_path: Path, films: Path
) -> None:
    config, root = make_device(clip_folder), tmp_path / "root"
    first = record(config, root)
    before = content(first.folder)
    assert record(config, root).state == "unchanged"
    (clip_folder / "cam-1_20260601T150000Z.mp4").write_bytes((films / "walk.mp4").read_bytes())
    second = record(config, root)
    assert (second.state, second.revision, second.clips) == ("issued", 2, 4)
    assert content(first.folder) == before


def test_footage_that_was_cleared_away_is_no_news(make_device: MakeDevice, clip_folder: Path, tmp_path: Path) -> None:
    config, root = make_device(clip_folder), tmp_path / "root"
    record(config, root)
    next(clip_folder.iterdir()).unlink()
    assert record(config, root).state == "unchanged"


def test_a_day_is_final_when_it_is_over_or_said_to_be(
    make_device: MakeDevice, clip_folder: Path, tmp_path: Path
) -> None:
    config, root = make_device(clip_folder), tmp_path / "root"
    evening = datetime(2026, 6, 1, 20, tzinfo=UTC)
    open_day = record(config, root, now=evening)
    assert not open_day.final
    assert max(r["ended_at"] for r in rows(open_day, RecordKind.COVERAGE)) == datetime(
        2026, 6, 1, 11, 1, 24, tzinfo=UTC
    )
    assert record(config, root, now=evening).state == "unchanged"
    assert record(config, root, now=evening, final=True).final
    assert record(config, root).state == "unchanged"


def test_an_interrupted_recording_leaves_nothing_that_looks_whole(
    make_device: MakeDevice, clip_folder: Path, tmp_path: Path
) -> None:
    config, root = make_device(clip_folder), tmp_path / "root"
    calls = 0

    def interrupt(*_: object) -> None:
        nonlocal calls
        calls += 1
        if calls > 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record(config, root, progress=interrupt)
    assert list((root / "days" / "2026-06-01").iterdir()) == []
    left_by_a_power_cut = root / "days" / "2026-06-01" / ".draft"
    left_by_a_power_cut.mkdir()
    (left_by_a_power_cut / "half.mp4").write_bytes(b"x")
    assert record(config, root).revision == 1
    assert not left_by_a_power_cut.exists()


def test_an_unreadable_clip_is_time_off_with_its_reason(
    make_device: MakeDevice, clip_folder: Path, tmp_path: Path
) -> None:
    (clip_folder / "cam-1_20260601T110012Z.mp4").write_text("no video")
    issued = record(make_device(clip_folder), tmp_path / "root")
    assert issued.clips == 2
    off = [r for r in rows(issued, RecordKind.COVERAGE) if r["reason"] and "cam-1_20260601T110012Z.mp4" in r["reason"]]
    assert off[0]["state"] == "off"
    assert off[0]["started_at"] == datetime(2026, 6, 1, 11, 0, 12, tzinfo=UTC)


def test_a_damaged_clip_is_degraded_and_what_is_shipped_decodes(
    make_device: MakeDevice, clip_folder: Path, tmp_path: Path
) -> None:
    path = clip_folder / "cam-1_20260601T110012Z.mp4"
    with av.open(str(path)) as container:
        places = [(p.pos, p.size) for p in container.demux(video=0) if p.pos]
    damaged = bytearray(path.read_bytes())
    start, size = places[20]  # a key frame
    damaged[start + 4 : start + size] = bytes([0x55]) * (size - 4)
    path.write_bytes(damaged)
    issued = record(make_device(clip_folder), tmp_path / "root")
    states = [r["state"] for r in rows(issued, RecordKind.COVERAGE)]
    assert "degraded" in states
    shipped = issued.folder / "cam-1_20260601T110012Z.mp4"
    with av.open(str(shipped)) as container:
        frames = list(container.decode(video=0))
    assert 40 <= len(frames) < 60
    assert not any(frame.is_corrupt for frame in frames)
    boxes = [r for r in rows(issued, "boxes_cam-1") if r["clip"] == shipped.name]
    assert max(r["frame"] for r in boxes) <= len(frames)


def test_a_clip_of_another_size_is_time_off(make_device: MakeDevice, clip_folder: Path, tmp_path: Path) -> None:
    issued = record(make_device(clip_folder, camera={"width": 320, "background": None}), tmp_path / "root")
    assert issued.clips == 0
    assert any("160x120" in (r["reason"] or "") for r in rows(issued, RecordKind.COVERAGE))


def test_a_stop_inside_a_clip_is_a_gap(make_device: MakeDevice, tmp_path: Path) -> None:
    source = tmp_path / "stops.mp4"
    with av.open(str(source), "w") as output:
        stream = output.add_stream("libx264", rate=5)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for n, picture in enumerate(pen_video.film(pen_video.walker, 8)):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts = n if n < 20 else n + 50
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    issued = record(make_device(source), tmp_path / "root", start=datetime(2026, 6, 1, 12, tzinfo=UTC))
    spells = [
        (r["state"], (r["ended_at"] - r["started_at"]).total_seconds()) for r in rows(issued, RecordKind.COVERAGE)
    ]
    assert spells[1:4] == [("on", 4), ("off", 10), ("on", 4)]
    assert len(rows(issued, RecordKind.TRACKLET)) == 4


def test_a_plain_file_starts_when_told_or_at_noon_on_the_farm(
    make_device: MakeDevice, films: Path, tmp_path: Path
) -> None:
    config = make_device(films / "walk.mp4")
    noon = record(config, tmp_path / "noon")
    assert rows(noon, RecordKind.COVERAGE)[1]["started_at"] == datetime(2026, 6, 1, 11, tzinfo=UTC)
    told = datetime(2026, 5, 31, 22, 59, 55, tzinfo=UTC)  # five seconds before the farm's midnight
    early = record(config, tmp_path / "told", start=told)
    first = rows(early, RecordKind.COVERAGE)[0]
    assert first["started_at"] == datetime(2026, 5, 31, 23, tzinfo=UTC)
    assert (first["state"], first["ended_at"]) == ("on", told + timedelta(seconds=12))


def test_footage_that_two_clips_show_is_counted_once(make_device: MakeDevice, films: Path, tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    for stamp in ("20260601T110000Z", "20260601T110006Z"):  # twelve seconds each
        (folder / f"cam-1_{stamp}.mp4").write_bytes((films / "walk.mp4").read_bytes())
    issued = record(make_device(folder), tmp_path / "root")
    on = [r for r in rows(issued, RecordKind.COVERAGE) if r["state"] == "on"]
    assert [(r["ended_at"] - r["started_at"]).total_seconds() for r in on] == [18]
    boxes = rows(issued, "boxes_cam-1")
    assert len({(r["at"], r["tracklet_id"]) for r in boxes}) == len(boxes)
    assert sum(r["observed_s"] for r in rows(issued, RecordKind.ACTIVITY)) == pytest.approx(2 * 18, abs=1)


def test_a_camera_that_shows_half_its_frames_is_degraded(
    make_device: MakeDevice, clip_folder: Path, tmp_path: Path
) -> None:
    issued = record(make_device(clip_folder, camera={"fps": 20}), tmp_path / "root")
    assert "5.0 of 20 frames per second" in {r["reason"] for r in rows(issued, RecordKind.COVERAGE)}


def test_a_day_without_footage_is_a_day_off(make_device: MakeDevice, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    issued = record(make_device(tmp_path / "empty"), tmp_path / "root")
    (row,) = rows(issued, RecordKind.COVERAGE)
    assert (row["state"], row["reason"]) == ("off", "no footage")
    assert issued.tracklets == 0


def test_a_source_that_is_not_there_is_an_error(make_device: MakeDevice, tmp_path: Path) -> None:
    with pytest.raises(VideoSourceError, match="neither a file nor a folder"):
        record(make_device(tmp_path / "absent"), tmp_path / "root")


def test_an_engine_that_is_not_there_is_an_error(make_device: MakeDevice, clip_folder: Path, tmp_path: Path) -> None:
    config = make_device(clip_folder)
    other = config.model_copy(update={"release": config.release.model_copy(update={"engine": "oracle"})})
    with pytest.raises(ConfigurationError, match="oracle"):
        record(other, tmp_path / "root")


def test_two_recorders_do_not_work_on_one_device(make_device: MakeDevice, clip_folder: Path, tmp_path: Path) -> None:
    with one_recorder(tmp_path / "root"), pytest.raises(StorageError, match="another recorder"):
        record(make_device(clip_folder), tmp_path / "root")


def test_days_of_a_night_with_changing_clocks_are_covered_whole(make_device: MakeDevice, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for day, hours in ((date(2026, 3, 29), 23), (date(2026, 10, 25), 25)):
        issued = record_day(
            make_device(tmp_path / "empty"), tmp_path / "root", day, now=datetime(2027, 1, 1, tzinfo=UTC)
        )
        (row,) = rows(issued, RecordKind.COVERAGE)
        assert row["ended_at"] - row["started_at"] == timedelta(hours=hours)


def test_no_secret_of_a_stream_is_written_down(make_device: MakeDevice, tmp_path: Path) -> None:
    config = make_device("rtsp://viewer:secret@127.0.0.1:1/pen")
    issued = record(config, tmp_path / "root")
    assert "secret" not in json.dumps({k: v.decode("latin-1") for k, v in content(issued.folder).items()})


def test_ingest_accepts_every_row(recorded: Issued) -> None:
    from herdbook.ingest.verify import verify_records

    manifest = parse_manifest((recorded.folder / "manifest.json").read_bytes())
    verified = verify_records(manifest, recorded.folder)
    assert verified.findings == []
    assert verified.fatal is None
