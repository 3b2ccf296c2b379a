"""Run in a mount namespace of its own: a live camera onto a disk that is full twice and has room after it.

Arguments: folder to mount on, film of the camera. Prints one JSON object.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
from rtsp_server import RtspCamera

from herdbook.edge import capture, service
from herdbook.edge.config import DeviceCamera, DeviceConfig
from herdbook.edge.recorder import Issued
from support import pen_video


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def main(disk: Path, film: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], check=True)
    service._TRY_AGAIN_S = capture.LONGEST_PAUSE_S = 0.5
    source = RtspCamera(film)
    camera = DeviceCamera(
        camera_id="cam-1", pen_id="p", width=pen_video.WIDTH, height=pen_video.HEIGHT, fps=5, source=source.url
    )
    config = DeviceConfig(device_id="d", farm_id="f", timezone="UTC", cameras=(camera,), clip_s=1)
    root, filler = disk / "root", disk / "filler"
    spool = root / "spool" / "cam-1"
    spool.mkdir(parents=True)

    def fill() -> None:
        with filler.open("wb", buffering=0) as stream:
            try:
                while stream.write(bytes(4096)) == 4096:
                    pass
            except OSError:
                pass

    fill()
    (root / ".recorder.lock").touch()
    stop = threading.Event()
    issued: list[Issued] = []
    remarks: list[str] = []
    recorder = service.LiveRecorder(config, root, stop=stop, issued=issued.append, remark=remarks.append)
    thread = threading.Thread(target=recorder.run)
    thread.start()
    wait_for(lambda: any("no space left" in remark for remark in remarks))
    filler.unlink()
    wait_for(lambda: len(list(spool.glob("*.mp4"))) >= 2)
    told = len(remarks)
    fill()
    wait_for(lambda: any("No space left" in remark for remark in remarks[told:]))
    time.sleep(1)
    filler.unlink()
    before = len(list(spool.glob("*.mp4")))
    wait_for(lambda: len(list(spool.glob("*.mp4"))) >= before + 2)
    stop.set()
    thread.join()
    source.close()
    rows = pq.read_table(issued[-1].folder / "coverage.parquet").to_pylist()
    found = {
        "remarks": remarks,
        "coverage": [(row["state"], row["reason"]) for row in rows],
        "empty": [path.name for path in spool.iterdir() if not path.stat().st_size],
    }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
