"""``python -m herdbook.processes.keeper COMMAND…``: run a command, and end all it started once our stdin closes.

Stdin is a pipe from whoever started us. It closes when they end, also by SIGKILL, when nobody could tell us otherwise.
Start it in a session of its own: it is that session which ends. The exit code is the command's, as shells have it: 128
and the signal's number where one ended it, 143 where we did.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

from herdbook.processes.sessions import end_session

PATIENCE_S = 20.0
"""Between asking processes to end and insisting."""


def main(command: list[str]) -> None:
    """Run the command. Does not return."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - no shell, arguments are a list
    alone = threading.Event()
    threading.Thread(target=_watch, args=(alone,), daemon=True).start()
    code = child.wait()
    if alone.is_set():
        threading.Event().wait()  # the others may still be ending
    os._exit(code if code >= 0 else 128 - code)


def _watch(alone: threading.Event) -> None:
    sys.stdin.buffer.read()
    alone.set()
    end_session(os.getsid(0), PATIENCE_S, spare=[os.getpid()])
    os._exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    main(sys.argv[1:])
