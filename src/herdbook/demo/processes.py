"""Processes beside ours that leave nothing behind: each in a session of its own, ended with all that it started."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from herdbook.errors import HerdbookError


class Background:
    """One background process with a log file. Use it in a ``with`` block, or call ``stop``."""

    def __init__(self, name: str, command: Sequence[str | Path], log: Path, env: Mapping[str, str]) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.log = log
        with log.open("ab") as stream:
            self._process = subprocess.Popen(  # noqa: S603 - no shell, arguments are a list
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=dict(env),
                start_new_session=True,
            )

    @property
    def session(self) -> int:
        """The session's id, which is that of its first process."""
        return self._process.pid

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Wait for the process itself to end; its exit code, or none if it still runs."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(timeout_s)
        return None

    def check(self) -> None:
        """Raise if the process has ended.

        Raises:
            HerdbookError: it has; the message holds the end of its log.
        """
        code = self._process.poll()
        if code is not None:
            tail = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-5:]
            raise HerdbookError(f"{self.name} ended with code {code}: {' | '.join(tail)}", f"See {self.log}.")

    def stop(self, patience_s: float = 20.0) -> None:
        """Ask every process of the session to end, then end those that did not."""
        for how in (signal.SIGTERM, signal.SIGKILL):
            deadline = time.monotonic() + patience_s
            signal_session(self.session, how)
            while time.monotonic() < deadline:
                self._process.poll()  # reaps it
                if not session_members(self.session):
                    return
                time.sleep(0.1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def session_members(session: int) -> list[int]:
    """Processes of a session that are alive: Airflow's task processes leave the process group, not the session."""
    listing = subprocess.run(["ps", "-A", "-o", "pid=,sess=,stat="], capture_output=True, text=True, check=True)  # noqa: S607
    rows = (line.split() for line in listing.stdout.splitlines())
    return [int(pid) for pid, sess, stat in rows if int(sess) == session and not stat.startswith("Z")]


def signal_session(session: int, how: signal.Signals) -> None:
    """Send a signal to every process of a session."""
    for pid in session_members(session):
        with suppress(ProcessLookupError):
            os.kill(pid, how)


def free_ports(count: int) -> list[int]:
    """TCP ports of this machine that nothing listens on."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()
