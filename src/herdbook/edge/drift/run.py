"""Drift readings, from the side of whoever must go on if an engine crashes, hangs or takes all memory."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from herdbook.contracts.activation import Drift
from herdbook.contracts.device_day import ReleaseUse
from herdbook.contracts.durable import make_folder
from herdbook.edge.config import DeviceConfig
from herdbook.edge.drift.clips import RecentClip, spread
from herdbook.edge.drift.job import AT, LOG, Job, read_at
from herdbook.edge.drift.limits import DriftLimits
from herdbook.edge.locks import in_use
from herdbook.edge.recorder import describe_inputs
from herdbook.errors import DriftReadingError, HerdbookError, StorageError, all_errors
from herdbook.processes.background import Background
from herdbook.processes.sessions import session_members

_LOOK_S = 0.25
_PATIENCE_S = 2.0
_MIB = 1 << 20
_CRASHED = 1
"""Python's own exit code of an exception; signals are above 127."""


def read_drift(
    old: DeviceConfig,
    new: DeviceConfig,
    clips: Sequence[RecentClip],
    work: Path,
    *,
    limits: DriftLimits | None = None,
    old_graphs: Mapping[str, Path] | None = None,
    new_graphs: Mapping[str, Path] | None = None,
) -> Drift:
    """Read clips with the old release and with the new, in a process of its own that leaves nothing behind.

    What was read is kept by clip and release: called again after an interruption it goes on, and another new release
    finds the old one's readings there.

    Args:
        old: the device with the release that serves.
        new: the device with the release to come: ``old.model_copy(update={"release": …, "network": …})``.
        clips: of the device's cameras: `recent_clips`; of more than ``limits.clips`` some are chosen in the same way.
        work: a folder for readings, of no other use; made if absent.
        limits: what it may cost.
        old_graphs: by role, the graphs that the device's recipe chooses of the old release; by default those that its
            ``network.json`` names.
        new_graphs: of the new release.

    Returns:
        The clips that both could read, in the order of camera and time; none where there are no clips. Where the old
        release failed, ``unread`` says how: perhaps that is why it is to go.

    Raises:
        DriftReadingError: the new engine crashed, hung or needed too much memory; the message names release and clip.
        ConfigurationError: the new release's engine cannot be made.
        MissingDependencyError: what an engine needs is not installed.
        DiskFullError: no space is left.
        StorageError: another reading works in the folder.
    """
    limits = limits or DriftLimits()
    chosen = spread(clips, limits.clips, old.timezone)
    graphs = {"old_graphs": dict(old_graphs or {}), "new_graphs": dict(new_graphs or {})}
    job = Job(old=old, new=new, clips=tuple(chosen), limits=limits, **graphs)
    if not job.clips:
        return job.drift(work)
    try:
        describe_inputs(old, [])
    except HerdbookError as error:
        return unread_drift(old.release, new.release, error)
    with in_use(make_folder(work)) as alone:
        if not alone:
            raise StorageError(f"another drift reading works in {work}", "Wait for it to end.")
        for left_over in (*work.glob(".part-*"), work / AT, work / LOG):
            shutil.rmtree(left_over) if left_over.is_dir() else left_over.unlink(missing_ok=True)
        job.write(work)
        unread = None
        try:
            _run(job, work)
        except StorageError:
            raise  # a full disk is no release's fault
        except HerdbookError as error:
            at = read_at(work)
            if at is None or not at.old:
                raise
            unread = error.message[:500]
        _forget_others(job, work)
        return job.drift(work).model_copy(update={"unread": unread})


def unread_drift(old: ReleaseUse, new: ReleaseUse, why: HerdbookError) -> Drift:
    """What is said where the old release is not even fit to read."""
    return Drift(old_release=old.release_id, new_release=new.release_id, clips=(), unread=why.message[:500])


def _run(job: Job, work: Path) -> None:
    command: list[str | Path] = [sys.executable, "-m", "herdbook.edge.drift", work]
    last, since = read_at(work), time.monotonic()
    with Background("drift reading", command, work / LOG, os.environ) as process:
        while (code := process.wait(_LOOK_S)) is None:
            members = session_members(process.session)
            own = time.monotonic() - max(map(_waited, members), default=0.0)
            now = read_at(work)
            if now != last:
                last, since = now, own
            if own - since > job.limits.stall_s:
                process.stop(_PATIENCE_S)
                raise _failure(work, f"took longer than {job.limits.stall_s:g} s for")
            used = sum(map(_resident, members)) / _MIB
            if used > job.limits.memory_mib:
                process.stop(_PATIENCE_S)
                raise _failure(work, f"needed {used:.0f} MiB, {job.limits.memory_mib:g} are allowed, to read")
    if code:
        raise _meant(code, work)


def _meant(code: int, work: Path) -> HerdbookError:
    """What an exit code of the reading process says."""
    known = {error.exit_code: error for error in all_errors() if error is not HerdbookError}
    said = _last_line(work)
    if code in known and code != _CRASHED:
        return known[code](said or "drift cannot be read")
    how = f"signal {code - 128}" if code > 128 else said or f"code {code}"
    return _failure(work, f"crashed ({how}) on")


def _failure(work: Path, what: str) -> DriftReadingError:
    at = read_at(work)
    if at is None:
        return DriftReadingError(
            f"the drift reading ended before its first clip: {_last_line(work) or 'no reason said'}"
        )
    return DriftReadingError(f"release '{at.release_id}' {what} clip {at.clip}")


def _last_line(work: Path) -> str:
    lines = (work / LOG).read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else ""


def _resident(pid: int) -> int:
    """Bytes in memory; 0 where that cannot be known."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0


def _waited(pid: int) -> float:
    """Seconds for which a process was ready and others had the processor: then it does not hang. Of its threads the one
    that waited most; 0 where that is not known."""
    longest = 0
    for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with suppress(OSError, IndexError, ValueError):  # it ended meanwhile
            longest = max(longest, int(thread.read_text(encoding="ascii").split()[1]))
    return longest / 1e9


def _forget_others(job: Job, work: Path) -> None:
    """Readings of clips and releases that are no longer asked for."""
    keep = {f"{key}.json" for _, *keys in job.readings() for key in keys} | {"job.json"}
    for path in work.glob("*.json"):
        if path.name not in keep:
            path.unlink()
