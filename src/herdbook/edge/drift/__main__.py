"""``python -m herdbook.edge.drift FOLDER``: read the clips of a job, the least important process of the device."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from herdbook.contracts.durable import disk_full_is_said
from herdbook.edge.config import DeviceConfig
from herdbook.edge.drift.clips import RecentClip
from herdbook.edge.drift.job import AT, At, Job, Outcome, read_outcome, write_outcome
from herdbook.edge.drift.reading import read_clip
from herdbook.errors import HerdbookError, VideoSourceError

_PART = ".part-"


def work(folder: Path) -> None:
    """Read each clip by the old release, then by the new, until the time is up; what was read before is left alone.

    Raises:
        ConfigurationError: the job is not valid, or a release's engine cannot be made.
        DiskFullError: no space is left to work in.
    """
    job = Job.read(folder)
    until = time.monotonic() + job.limits.wall_s
    for clip, old, new in job.readings():
        for config, key in ((job.old, old), (job.new, new)):
            if time.monotonic() > until:
                return
            if read_outcome(folder, key) is None:
                _say(folder, config, clip, old=config is job.old)
                write_outcome(folder, key, _read(job, config, clip, folder))


def _read(job: Job, config: DeviceConfig, clip: RecentClip, folder: Path) -> Outcome:
    graphs = job.old_graphs if config is job.old else job.new_graphs
    try:
        with disk_full_is_said(folder), tempfile.TemporaryDirectory(dir=folder, prefix=_PART) as part:
            seconds, reading = read_clip(config, clip, Path(part), clip_s=job.limits.clip_s, graphs=graphs)
    except VideoSourceError as error:
        print(error.message, file=sys.stderr)
        return Outcome()
    return Outcome(seconds=seconds, reading=reading)


def _say(folder: Path, config: DeviceConfig, clip: RecentClip, *, old: bool) -> None:
    at = At(release_id=config.release.release_id, clip=clip.name, old=old)
    part = folder / f"{_PART}at"
    part.write_text(at.model_dump_json(), encoding="utf-8")
    part.replace(folder / AT)


def _step_back() -> None:
    """Whatever else the device does comes first; short of memory, the kernel ends this process before any other."""
    os.nice(5)  # not 19: beside a recorder that wants every core it would come to a standstill
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def main(arguments: list[str]) -> int:
    """Work on the job in a folder; the exit code."""
    _step_back()
    try:
        work(Path(arguments[0]))
    except HerdbookError as error:
        print(error.message, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
