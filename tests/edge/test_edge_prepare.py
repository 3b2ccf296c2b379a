from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from herdbook.contracts.farmtime import DayExtent
from herdbook.edge import video
from herdbook.edge.clips import SourceClip
from herdbook.edge.prepare import Prepared, prepare
from support import pen_video

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = DayExtent(datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 6, 2, tzinfo=UTC))


def prepared(path: Path, folder: Path, start: datetime = NOON, clip_s: float = 300) -> list[Prepared]:
    folder.mkdir()
    clip = SourceClip(path, start)
    return list(prepare(clip, video.probe(path), extent=DAY, camera_id="cam-1", folder=folder, clip_s=clip_s))


def frames(clip: Prepared) -> int:
    return sum(1 for _ in video.decode(clip.path))


def test_h264_in_mp4_is_taken_as_it_is(films: Path, tmp_path: Path) -> None:
    (clip,) = prepared(films / "walk.mp4", tmp_path / "day")
    assert clip.path.read_bytes() == (films / "walk.mp4").read_bytes()
    assert clip.path.name == "cam-1_20260601T120000Z.mp4"
    assert clip.start == NOON


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".mkv", "libx264"), (".ts", "libx264"), (".avi", "mjpeg"), (".mkv", "mpeg4")]
)
def test_other_containers_and_codecs_become_h264_in_mp4(tmp_path: Path, suffix: str, codec: str) -> None:
    source = pen_video.write(tmp_path / f"film{suffix}", pen_video.film(pen_video.walker, 4), codec=codec)
    (clip,) = prepared(source, tmp_path / "day")
    header = video.probe(clip.path)
    assert (header.codec, header.width, header.height) == ("h264", 160, 120)
    assert "mp4" in header.container
    assert frames(clip) == 20


def test_a_long_file_is_cut_at_key_frames_and_loses_none(films: Path, tmp_path: Path) -> None:
    clips = prepared(films / "walk.mp4", tmp_path / "day", clip_s=3)
    assert len(clips) == 3  # key frames are two seconds apart: cuts at 4 and 8
    assert [(c.start - NOON).total_seconds() for c in clips] == [0, 4, 8]
    assert [frames(c) for c in clips] == [20, 20, 20]


def test_what_lies_across_midnight_is_cut_there(films: Path, tmp_path: Path) -> None:
    before = prepared(films / "walk.mp4", tmp_path / "before", DAY.end - timedelta(seconds=5))
    assert sum(map(frames, before)) == 25
    after = prepared(films / "walk.mp4", tmp_path / "after", DAY.start - timedelta(seconds=5))
    assert sum(map(frames, after)) == 35
    assert after[0].start == DAY.start
    assert after[0].path.name == "cam-1_20260601T000000Z.mp4"


def test_two_clips_of_one_second_have_two_names(films: Path, tmp_path: Path) -> None:
    folder = tmp_path / "day"
    (first,) = prepared(films / "walk.mp4", folder)
    clip = SourceClip(films / "walk.mp4", NOON)
    (second,) = prepare(clip, video.probe(clip.path), extent=DAY, camera_id="cam-1", folder=folder, clip_s=300)
    assert first.path != second.path
