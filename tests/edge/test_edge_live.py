"""Live cameras for real: an RTSP camera and an MPEG-TS stream on the loopback, cut and connected again."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import av
import pyarrow.parquet as pq
import pytest
from edge_cases import DAY, MakeDevice
from rtsp_server import RtspCamera

from herdbook.edge import spool, video
from herdbook.edge.capture import Capture
from herdbook.edge.clips import clips_in_folder
from herdbook.edge.config import DeviceConfig
from herdbook.edge.init import init_device
from herdbook.edge.recorder import Issued, record_day
from herdbook.edge.reissue import reissue_day
from herdbook.edge.service import LiveRecorder
from herdbook.errors import StorageError, VideoSourceError
from support import pen_video


def wait_for(condition: Callable[[], bool], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds with a key frame in each, no reordered pictures: as a barn's camera sends."""
    path = tmp_path_factory.mktemp("live") / "film.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=5, options={"tune": "zerolatency", "g": "5"})
        stream.width, stream.height, stream.pix_fmt = pen_video.WIDTH, pen_video.HEIGHT, "yuv420p"
        for picture in pen_video.film(pen_video.walker, 6):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        output.mux(stream.encode(None))
    return path


@pytest.fixture
def camera(film: Path) -> Iterator[RtspCamera]:
    made = RtspCamera(str(film))
    yield made
    made.close()


class Recording:
    """A live recorder in a thread."""

    def __init__(self, config: DeviceConfig, root: Path) -> None:
        self.stop = threading.Event()
        self.issued: list[Issued] = []
        self.remarks: list[str] = []
        recorder = LiveRecorder(config, root, stop=self.stop, issued=self.issued.append, remark=self.remarks.append)
        self._thread = threading.Thread(target=recorder.run)
        self._thread.start()

    @staticmethod
    def of(config: DeviceConfig, root: Path) -> LiveRecorder:
        """A recorder that nobody listens to."""
        return LiveRecorder(config, root, stop=threading.Event(), issued=lambda _: None, remark=lambda _: None)

    def finish(self) -> Issued:
        self.stop.set()
        self._thread.join(60)
        return self.issued[-1]


def rows(issued: Issued, name: str) -> list[dict[str, Any]]:
    return pq.read_table(issued.folder / f"{name}.parquet").to_pylist()


def spooled(root: Path) -> list[Path]:
    folder = spool.spool_folder(root, "cam-1")
    return [clip.path for clip in clips_in_folder(folder)] if folder.is_dir() else []


def test_an_rtsp_camera_that_is_unplugged_leaves_a_gap_and_is_found_again(
    camera: RtspCamera, make_device: MakeDevice, tmp_path: Path
) -> None:
    recording = Recording(make_device(camera.url, clip_s=2), tmp_path)
    try:
        wait_for(lambda: len(spooled(tmp_path)) >= 1)
        camera.unplug()
        wait_for(lambda: any("trying again" in remark for remark in recording.remarks))
        before = len(spooled(tmp_path))
        camera.plug()
        wait_for(lambda: len(spooled(tmp_path)) > before)
    finally:
        issued = recording.finish()
    assert camera.clients == 2
    assert not issued.final
    told = [(row["state"], row["reason"]) for row in rows(issued, "coverage")]
    on = [n for n, (state, _) in enumerate(told) if state == "on"]
    assert len(on) == 2
    assert "the stream ended" in {reason for _, reason in told[on[0] : on[1]]}
    tracklets = rows(issued, "tracklet")
    assert len(tracklets) >= 4  # two animals, before the gap and after
    for clip in issued.folder.glob("*.mp4"):
        assert sum(1 for _ in video.decode(clip)) > 0
    assert "secret" not in "".join(recording.remarks)


class StreamServer:
    """Sends an MPEG-TS film in real time to each client, a few seconds each."""

    def __init__(self, film: Path, seconds: float) -> None:
        self._film, self._seconds = film, seconds
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.clients = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.clients += 1
            with connection:
                try:
                    self._send(connection)
                except (OSError, av.error.FFmpegError):
                    continue

    def _send(self, connection: socket.socket) -> None:
        began = time.monotonic()
        with (
            av.open(str(self._film)) as source,
            connection.makefile("wb") as pipe,
            av.open(pipe, "w", format="mpegts", options={"fflags": "+flush_packets"}) as target,
        ):
            stream = target.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(video=0):
                if packet.dts is None or float(packet.pts * packet.time_base) > self._seconds:
                    return
                time.sleep(max(0.0, float(packet.pts * packet.time_base) - (time.monotonic() - began)))
                packet.stream = stream
                target.mux(packet)


def test_a_stream_that_ends_is_connected_to_again(film: Path, make_device: MakeDevice, tmp_path: Path) -> None:
    server = StreamServer(film, 3)
    config = make_device(f"tcp://127.0.0.1:{server.port}", clip_s=60)
    stop = threading.Event()
    capture = Capture(config.cameras[0], tmp_path, timezone="UTC", clip_s=60, stop=stop)
    thread = threading.Thread(target=capture.run)
    thread.start()
    try:
        wait_for(lambda: len(spooled(tmp_path)) >= 2)
    finally:
        stop.set()
        thread.join(30)
        server.close()
    gaps = spool.read_gaps(spool.spool_folder(tmp_path, "cam-1"))
    assert any(gap.reason == "the stream ended" for gap in gaps)
    assert all(gap.end - gap.start < timedelta(seconds=30) for gap in gaps)


def test_a_camera_that_is_not_there_is_a_day_off_with_its_reason(make_device: MakeDevice, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    recording = Recording(make_device(f"rtsp://viewer:secret@127.0.0.1:{port}/pen"), tmp_path)
    wait_for(lambda: len(recording.remarks) > 0)
    time.sleep(1.2)
    issued = recording.finish()
    assert issued.clips == 0
    last = rows(issued, "coverage")[-1]
    assert last["state"] == "off"
    assert "refused" in last["reason"]


def test_a_second_recorder_is_refused_before_it_touches_anything(
    camera: RtspCamera, make_device: MakeDevice, tmp_path: Path
) -> None:
    config = make_device(camera.url, clip_s=60)
    folder = spool.spool_folder(tmp_path, "cam-1")
    recording = Recording(config, tmp_path)
    try:
        wait_for(lambda: any(part.stat().st_size > 20_000 for part in folder.glob(f"*{spool.PART}")))
        with pytest.raises(StorageError, match="another recorder"):
            Recording.of(config, tmp_path).run()
        with pytest.raises(StorageError, match="another recorder"):
            record_day(config, tmp_path, DAY)
        assert len(list(folder.glob(f"*{spool.PART}"))) == 1
    finally:
        issued = recording.finish()
    (clip,) = spooled(tmp_path)
    assert issued.clips == 1
    assert issued.frames == sum(1 for _ in video.decode(clip)) >= 5


def test_a_day_is_issued_again_while_a_live_recorder_is_at_work(
    camera: RtspCamera, make_device: MakeDevice, films: Path, tmp_path: Path
) -> None:
    config = make_device(camera.url, clip_s=2)
    folder = spool.spool_folder(tmp_path, "cam-1")
    folder.mkdir(parents=True)
    shutil.copyfile(films / "walk.mp4", folder / "cam-1_20260601T110000Z.mp4")
    recording = Recording(config, tmp_path)
    try:
        wait_for(lambda: len(recording.issued) == 1)
        again = reissue_day(config, tmp_path, DAY)
        assert (again.day, again.revision, again.clips) == (DAY, 2, recording.issued[0].clips)
        (again.folder / "bout.parquet").unlink()  # another name of the first revision's
        anew = reissue_day(config, tmp_path, DAY)
        assert (anew.revision, anew.frames) == (3, 60)
    finally:
        today = recording.finish()
    assert recording.issued[0].day == DAY
    assert (today.day, today.final) != (DAY, True)


def test_a_day_that_ends_while_the_backlog_is_worked_off_is_issued_next(
    make_device: MakeDevice, clip_folder: Path, films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copyfile(films / "walk.mp4", clip_folder / "cam-1_20260602T080000Z.mp4")
    midnight = iter([date(2026, 6, 2)])
    monkeypatch.setattr(LiveRecorder, "_today", lambda self: next(midnight, date(2026, 6, 3)))
    issued: list[Issued] = []
    stop = threading.Event()

    def tell(one: Issued) -> None:
        issued.append(one)
        if one.day == date(2026, 6, 3):
            stop.set()

    LiveRecorder(make_device(clip_folder), tmp_path, stop=stop, issued=tell, remark=lambda text: None).run()
    assert [(one.day.day, one.final, one.frames) for one in issued] == [(1, True, 180), (2, True, 60), (3, True, 0)]


ON_A_SMALL_DISK = ["unshare", "--map-root-user", "--mount"]


@pytest.mark.slow
def test_a_disk_that_fills_is_a_gap_and_the_recorder_goes_on(film: Path, tmp_path: Path) -> None:
    probe = [*ON_A_SMALL_DISK, "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let us mount a small disk of our own")
    disk = tmp_path / "disk"
    disk.mkdir()
    script = Path(__file__).with_name("full_disk_live.py")
    line = [*ON_A_SMALL_DISK, sys.executable, script, disk, film]
    path = os.pathsep.join([str(script.parent), str(script.parent.parent)])
    run = subprocess.run(line, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert "Traceback" not in run.stderr
    assert told["empty"] == []
    assert any("no space left" in remark for remark in told["remarks"]), "issuing"
    assert any("No space left" in remark for remark in told["remarks"]), "capturing"
    states = [state for state, _ in told["coverage"]]
    assert states.count("on") >= 2
    assert any("No space left" in str(reason) for _, reason in told["coverage"])


def test_looking_once_at_a_live_camera_tells_its_size(camera: RtspCamera, tmp_path: Path) -> None:
    config = init_device(tmp_path, [camera.url])
    assert (config.cameras[0].width, config.cameras[0].height, config.cameras[0].fps) == (160, 120, 5)
    camera.close()
    with pytest.raises(VideoSourceError, match="shows no picture") as refused:
        init_device(tmp_path / "other", [camera.url])
    assert "secret" not in refused.value.message


def test_what_a_power_cut_left_of_a_clip_is_kept(film: Path, tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    folder.mkdir()
    with av.open(str(film)) as source:
        stream = source.streams.video[0]
        clip = spool.SpoolClip(folder, "cam-1", stream, copy=True)
        for packet in source.demux(stream):
            if packet.dts is not None:
                clip.write(packet, datetime.now(UTC))
        (part,) = folder.iterdir()
        cut = part.read_bytes()[:-2000]  # what the disk had when the power went
    part.write_bytes(cut)
    (folder / f"cam-1_20260601T120000Z.mp4{spool.PART}").write_bytes(b"nothing yet")
    until = spool.recover(folder, "cam-1", timedelta(seconds=0.2))
    (kept,) = clips_in_folder(folder)
    assert until is not None
    assert kept.start < until < kept.start + timedelta(seconds=6)
    assert 15 <= sum(1 for _ in video.decode(kept.path)) < 30


def test_the_journal_survives_a_half_written_line(tmp_path: Path) -> None:
    start = datetime(2026, 6, 1, tzinfo=UTC)
    spool.note_gap(tmp_path, start, start + timedelta(seconds=9), "the stream ended")
    with (tmp_path / spool.GAPS).open("a") as journal:
        journal.write('{"start": "2026-06-01T00:00')
    assert [(gap.start, gap.reason) for gap in spool.read_gaps(tmp_path)] == [(start, "the stream ended")]
