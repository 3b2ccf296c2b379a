"""``python -m herdbook.processes.keeper COMMAND…``: run a command, and end all it started once our stdin closes.

Stdin is a pipe from whoever started us. It closes when they end, also by SIGKILL, when nobody could tell us otherwise.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading

from herdbook.processes.sessions import end_session


def main(command: list[str]) -> None:
    """Ends with the command's exit code, or once whoever started us is gone."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - no shell, arguments are a list
    threading.Thread(target=_end_with, args=(child,), daemon=True).start()
    sys.stdin.buffer.read()
    end_session(os.getsid(0), patience_s=20, spare=[os.getpid()])
    os._exit(1)


def _end_with(child: subprocess.Popen[bytes]) -> None:
    code = child.wait()
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main(sys.argv[1:])
