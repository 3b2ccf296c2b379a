"""A clip is video, from beginning to end."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from herdbook.errors import ClipDecodeError
from herdbook.ingest.clips import require_decodable
from support.device_day import write_clip

FOOTAGE = Path(__file__).parents[3] / "shared" / "data" / "footage" / "pair.mp4"


@pytest.mark.parametrize("frames", [1, 2, 3, 40, 200])
def test_clips_of_any_length_pass(tmp_path: Path, frames: int) -> None:
    path = tmp_path / "clip.mp4"
    write_clip(path, frames=frames)
    require_decodable(path, path.name)


def test_real_footage_passes() -> None:
    if not FOOTAGE.exists():
        pytest.skip("the real footage is not beside this checkout")
    require_decodable(FOOTAGE, FOOTAGE.name)


@pytest.mark.parametrize("suffix", ["mkv", "mov"])
def test_other_containers_with_an_index_pass(tmp_path: Path, suffix: str) -> None:
    source, target = tmp_path / "clip.mp4", tmp_path / f"clip.{suffix}"
    write_clip(source, frames=40)
    with av.open(str(source)) as given, av.open(str(target), "w") as taken:
        stream = taken.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                taken.mux(packet)
    require_decodable(target, target.name)


@pytest.mark.parametrize("kept", [0, 10, 100, 0.5, 0.95])
def test_half_a_clip_is_refused(tmp_path: Path, kept: float) -> None:
    path = tmp_path / "clip.mp4"
    write_clip(path, frames=100)
    raw = path.read_bytes()
    path.write_bytes(raw[: int(kept * len(raw)) if isinstance(kept, float) else kept])
    with pytest.raises(ClipDecodeError, match=r"front\.mp4"):
        require_decodable(path, "front.mp4")


def test_noise_in_the_place_of_pictures_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_clip(path, frames=100)
    raw = bytearray(path.read_bytes())
    begin = raw.index(b"mdat") + 4
    raw[begin : begin + 20_000] = bytes(20_000)
    path.write_bytes(raw)
    with pytest.raises(ClipDecodeError):
        require_decodable(path, path.name)


def test_sound_alone_is_no_clip(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
        frame.sample_rate = 8000
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(ClipDecodeError, match="no video"):
        require_decodable(path, path.name)


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXTINF:10,\nfile://{video}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile {video}\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=video 5000 RTP/AVP 96\n",
        "<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011' type='static'></MPD>",
    ],
)
def test_a_list_of_other_files_is_never_followed(tmp_path: Path, text: str) -> None:
    video = tmp_path / "video.mp4"
    write_clip(video)
    path = tmp_path / "clip.mp4"
    path.write_text(text.format(video=video))
    with pytest.raises(ClipDecodeError):
        require_decodable(path, path.name)
