from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from herdbook.edge import video
from herdbook.errors import VideoSourceError
from support import pen_video


@pytest.fixture
def film(films: Path) -> Path:
    return films / "walk.mp4"


def test_a_clips_header_and_frames(film: Path) -> None:
    header = video.probe(film)
    assert (header.width, header.height, header.fps, header.codec) == (160, 120, 5.0, "h264")
    assert header.duration_s == pytest.approx(12, abs=0.3)
    damage = video.Damage()
    seconds = [second for second, _ in video.decode(film, damage)]
    assert seconds == pytest.approx([n / 5 for n in range(60)], abs=1e-4)
    assert damage.spans == []


def test_both_ways_to_a_picture_agree(film: Path) -> None:
    for _, frame in video.decode(film):
        fast, plain = video.picture(frame), frame.to_ndarray(format="bgr24")
        assert np.abs(fast.astype(int) - plain.astype(int)).mean() < 2


@pytest.mark.parametrize("content", [b"", b"this is no video\n" * 100, bytes(10_000)])
def test_what_is_no_video_is_said_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(VideoSourceError, match=r"clip\.mp4"):
        video.probe(path)
    with pytest.raises(VideoSourceError, match=r"clip\.mp4"):
        list(video.decode(path))


@pytest.mark.parametrize("seed", range(6))
def test_damage_costs_frames_never_a_crash(film: Path, tmp_path: Path, seed: int) -> None:
    """Bytes of the pictures, not of the index, are overwritten here and there."""
    with av.open(str(film)) as container:
        places = [(p.pos, p.size) for p in container.demux(video=0) if p.pos]
    rng = np.random.default_rng(seed)
    content = bytearray(film.read_bytes())
    for n in rng.integers(0, len(places), 6):
        start, size = places[n]
        at = start + int(rng.integers(5, max(6, size - 5)))
        content[at : at + 40] = rng.bytes(len(content[at : at + 40]))
    path = tmp_path / "damaged.mp4"
    path.write_bytes(content)
    damage = video.Damage()
    try:
        seconds = [second for second, _ in video.decode(path, damage)]
    except VideoSourceError:
        return
    assert seconds == sorted(set(seconds))
    assert len(seconds) <= 60
    assert all(a < b for a, b in damage.spans)


def test_a_truncated_stream_shows_what_is_there(film: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole.ts"
    with av.open(str(film)) as source, av.open(str(whole), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    part = tmp_path / "part.ts"
    part.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert 15 < len(list(video.decode(part))) < 45


def test_samples_are_spread_over_the_clips(film: Path) -> None:
    assert 25 <= len(list(video.samples([film, film], 40))) <= 40  # too few key frames: every n-th frame
    assert len(list(video.samples([film, film], 6))) == 6  # key frames, of which there are twelve
    assert list(video.samples([film.with_name("absent.mp4")], 6)) == []


def test_a_background_that_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.png").write_bytes(b"not a picture")
    with pytest.raises(VideoSourceError, match=r"empty\.png"):
        video.read_picture(tmp_path / "empty.png")


def test_a_background_is_read_as_it_was_drawn(films: Path) -> None:
    assert np.array_equal(video.read_picture(films / "empty.png"), pen_video.floor())
