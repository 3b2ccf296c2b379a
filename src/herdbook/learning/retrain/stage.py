"""One stage in a process of its own, which ends when we do: how it went, how long it took, what memory it took."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from herdbook.errors import HerdbookError, WorkspaceError, all_errors
from herdbook.learning.workspace import Workspace
from herdbook.learning.workspace.tools import dvc_command
from herdbook.processes.sessions import session_members

How = Literal["ran", "cached", "unchanged"]
_LAST = 60
_LOOK_S = 0.25
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class StageRun:
    """What became of a stage."""

    stage: str
    how: How
    """``cached``: another run had the same code, parameters and inputs. ``unchanged``: this run had done it before."""
    seconds: float
    """Wall time, the start of processes included."""
    peak_memory_bytes: int | None
    """Most that its processes held together; none where nothing ran, or where there is no ``/proc``."""


def run_stage(
    workspace: Workspace, stage: str, *, force: bool = False, said: IO[bytes] | None = None, code: Path | None = None
) -> StageRun:
    """Bring a stage up to date and commit. Killed at any moment, the same call does what is left.

    Args:
        workspace: of the run.
        stage: its name.
        force: run it even if nothing changed, and without what other runs have in the cache.
        said: where all that it prints goes, as it comes; stderr if not given.
        code: a checkout whose code runs instead of this one.

    Raises:
        HerdbookError: it failed; of the class that the stage's exit code means, with its message.
    """
    command, env = dvc_command(workspace.home, code)
    terminal = said is None and sys.stderr.isatty()
    if terminal:  # the stage writes into a pipe: it is told that its bars will be seen
        env |= {"TTY_COMPATIBLE": "1", "TTY_INTERACTIVE": "1", "COLUMNS": str(os.get_terminal_size(2).columns)}
    started = time.monotonic()
    # By itself: DVC would force all that comes before it, too, which was forced when its turn was.
    forced = ["--single-item", "--force"] if force else []
    process = subprocess.Popen(  # noqa: S603 (no shell, arguments of our own)
        [sys.executable, "-m", "herdbook.processes.keeper", *command, "repro", stage, *forced],
        cwd=workspace.folder,
        env=env,
        stdin=subprocess.PIPE,  # it closes when we end, and the keeper ends the stage
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    memory = _Memory(process.pid)
    try:
        with process.stdout, process.stdin:
            lines = _passed_on(process.stdout, said or sys.stderr.buffer)
            code_of_dvc = process.wait()
    finally:
        process.wait()
        memory.stop()
    if code_of_dvc != 0:
        raise _failure(stage, workspace.folder, lines, code_of_dvc)
    workspace.commit(f"{workspace.run_id}: {stage}")
    how = _how(stage, lines)
    seconds = time.monotonic() - started
    return StageRun(stage, how, round(seconds, 1), memory.peak if how == "ran" else None)


def _passed_on(stream: IO[bytes], to: IO[bytes]) -> list[str]:
    """Pass everything on as it comes; the last lines, without colours."""
    kept: deque[bytes] = deque(maxlen=_LAST)
    rest = b""
    while part := stream.read1(65536):  # type: ignore[attr-defined]
        to.write(part)
        to.flush()
        *whole, rest = (rest + part).split(b"\n")
        kept.extend(whole)
    return [_ESCAPES.sub("", line.decode(errors="replace")).strip() for line in (*kept, rest)]


def _how(stage: str, lines: list[str]) -> How:
    if any(line.startswith(f"Stage '{stage}' is cached") for line in lines):
        return "cached"
    return "unchanged" if any(line.startswith(f"Stage '{stage}' didn't change") for line in lines) else "ran"


def _failure(stage: str, folder: Path, lines: list[str], code: int) -> HerdbookError:
    """The stage's own error, if it is one of ours: by the exit code that DVC tells, and the message it printed."""
    exited = next((int(m[1]) for line in reversed(lines) if (m := re.search(r"exited with (\d+)", line))), None)
    meant = {error.exit_code: error for error in all_errors()}.get(exited or 0)
    at = max((k for k, line in enumerate(lines) if line.startswith("error:")), default=None)
    if meant is not None and at is not None:
        message = lines[at].removeprefix("error:").strip()
        remedy = lines[at + 1].removeprefix("→").strip() if lines[at + 1 : at + 2] else ""
        return meant(f"stage {stage}: {message}", remedy or None)
    tail = " | ".join([line for line in lines if line][-5:])
    ending = f"exit code {exited if exited is not None else code}"
    return WorkspaceError(f"stage {stage} failed in {folder} ({ending}): {tail}")


class _Memory(threading.Thread):
    """Looks at what the processes of a session hold, but for the keeper and DVC themselves."""

    def __init__(self, session: int) -> None:
        super().__init__(daemon=True)
        self.session = session
        self.peak: int | None = None
        self._ended = threading.Event()
        self.start()

    def run(self) -> None:
        """Look until stopped."""
        while Path("/proc/self/stat").exists() and not self._ended.wait(_LOOK_S):
            now, most = 0, 0
            for pid in session_members(self.session, spare=[self.session]):
                held, high = _memory_of(pid)
                now, most = now + held, max(most, high)
            if now:
                self.peak = max(self.peak or 0, now, most)

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()
        self.join()


def _memory_of(pid: int) -> tuple[int, int]:
    """Bytes in memory now, and at most; zero for DVC."""
    with suppress(OSError):
        if b"\0-m\0dvc\0" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return 0, 0
        status = Path(f"/proc/{pid}/status").read_text(errors="replace")
        found = {name: int(value) * 1024 for name, value in re.findall(r"^(VmRSS|VmHWM):\s+(\d+) kB", status, re.M)}
        return found.get("VmRSS", 0), found.get("VmHWM", 0)
    return 0, 0
