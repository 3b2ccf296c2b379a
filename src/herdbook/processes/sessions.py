"""All processes of a session: who they are, and how to end them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path


def end_session(session: int, patience_s: float, spare: Sequence[int]) -> None:
    """End every process of a session but some: ask, wait, and insist."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + patience_s
        for pid in session_members(session, spare):
            with suppress(ProcessLookupError):
                os.kill(pid, how)
        while session_members(session, spare):
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)
        else:
            return


def session_members(session: int, spare: Sequence[int] = ()) -> list[int]:
    """Processes of a session that are alive."""
    return [pid for pid, sess, state in _processes() if sess == session and state != "Z" and pid not in spare]


def _processes() -> Iterator[tuple[int, int, str]]:
    """Process id, session and state of everything that runs. ``ps`` is not everywhere where ``/proc`` is."""
    if not Path("/proc/self/stat").exists():
        listing = subprocess.run(["ps", "-A", "-o", "pid=,sess=,stat="], capture_output=True, text=True, check=True)  # noqa: S607
        for line in listing.stdout.splitlines():
            pid, sess, state = line.split()
            yield int(pid), int(sess), state[0]
        return
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile
            after_name = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
            yield int(folder.name), int(after_name[3]), after_name[0]
