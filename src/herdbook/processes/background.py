"""Processes beside ours that leave nothing behind, however we end.

Each runs in a session of its own under a keeper (`herdbook.processes.keeper`), which ends the whole session as soon as
we are gone. A session, not a process group: Airflow's task processes leave the group.
"""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from herdbook.errors import HerdbookError, all_errors
from herdbook.processes.sessions import end_session


class Background:
    """One background process with a log file. Use it in a ``with`` block, or call ``stop``."""

    def __init__(self, name: str, command: Sequence[str | Path], log: Path, env: Mapping[str, str]) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.log = log
        self._log_start = log.stat().st_size if log.exists() else 0
        with log.open("ab") as stream:
            self._keeper = subprocess.Popen(  # noqa: S603 - no shell, arguments are a list
                [sys.executable, "-m", "herdbook.processes.keeper", *(str(part) for part in command)],
                stdin=subprocess.PIPE,  # it closes when we end
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=dict(env),
                start_new_session=True,
            )

    @property
    def session(self) -> int:
        """The session's id, which is that of its first process."""
        return self._keeper.pid

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Wait for the process itself to end; its exit code, or none if it still runs."""
        with suppress(subprocess.TimeoutExpired):
            return self._keeper.wait(timeout_s)
        return None

    def check(self) -> None:
        """Raise if the process has ended.

        Raises:
            HerdbookError: it has; of the class that its exit code means, with the end of its log.
        """
        code = self._keeper.poll()
        if code is not None:
            tail = self._log_since_start().strip().splitlines()[-5:]
            meant = {error.exit_code: error for error in all_errors()}.get(code, HerdbookError)
            raise meant(f"{self.name} ended with code {code}: {' | '.join(tail)}", f"See {self.log}.")

    def wait_for(self, pattern: str, timeout_s: float = 60) -> str:
        """Wait until something in the log matches; the match.

        Raises:
            HerdbookError: the process ended first, or took too long.
        """
        deadline = time.monotonic() + timeout_s
        while not (found := re.search(pattern, self._log_since_start())):
            self.check()
            if time.monotonic() > deadline:
                raise HerdbookError(f"{self.name} is not ready after {timeout_s:g} s", f"See {self.log}.")
            time.sleep(0.1)
        return found.group()

    def stop(self, patience_s: float = 20.0) -> None:
        """Ask every process of the session to end, then end those that did not."""
        end_session(self.session, patience_s, spare=())
        self._keeper.wait()
        if self._keeper.stdin is not None:
            self._keeper.stdin.close()

    def _log_since_start(self) -> str:
        return self.log.read_bytes()[self._log_start :].decode(errors="replace")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


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
