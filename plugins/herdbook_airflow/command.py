"""A ``herdbook`` command in a process of its own, which ends when its task does, however that ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from herdbook import errors
from herdbook.settings import get_settings

RETRYABLE = frozenset(
    error.exit_code
    for error in (
        errors.DeviceError,
        errors.DeviceUnreachableError,
        errors.DeviceBusyError,
        errors.LabelServerError,
        errors.TransferCorruptError,
        errors.StorageError,
        errors.DiskFullError,
        errors.LakeBusyError,
        errors.DatabaseAwayError,
        errors.RegistryError,
        errors.ObjectStoreError,
        errors.RemoteError,
    )
)
"""Exit codes of what may pass by itself. The others end the same way with the same input."""

SET_ASIDE = frozenset(
    error.exit_code
    for error in errors.all_errors()
    if issubclass(error, errors.IntegrityError | errors.RowsQuarantinedError) and error.exit_code not in RETRYABLE
)
"""Exit codes of commands that did their work, but put something into quarantine that a person should look at."""
TOO_LARGE = frozenset({errors.ReleaseDataError.exit_code})
"""Exit code of ``herdbook fleet pools`` where a device keeps the pools that it has; the others have new ones."""

_BY_SIGNAL = 128
"""Exit codes above are a signal's number more, as shells have it."""


@dataclass(frozen=True)
class Outcome:
    """How a command ended: its exit code (negative: the signal that ended it), its error's text, its JSON rows."""

    code: int
    said: str
    rows: list[dict[str, Any]]

    @property
    def may_pass(self) -> bool:
        """Whether trying again may help."""
        return self.code < 0 or self.code in RETRYABLE

    def __str__(self) -> str:
        ending = f"exit code {self.code}" if self.code >= 0 else f"ended by signal {-self.code}"
        return f"{ending}. {self.said}".strip()


class Command:
    """``herdbook ARGUMENTS… --json``, run by the interpreter that ``HERDBOOK_PYTHON`` names.

    A keeper stands between: should our process be killed, it ends the command, which would else go on alone and keep
    its device from the next try.
    """

    def __init__(self, arguments: Sequence[str]) -> None:
        self.line = [get_settings().python or sys.executable, "-m", "herdbook", *arguments, "--json"]
        self._keeper: subprocess.Popen[str] | None = None

    def run(self, log: Callable[[str], None]) -> Outcome:
        """Run it to its end, passing on each line of its stderr."""
        said: deque[str] = deque(maxlen=10)
        with tempfile.TemporaryFile("w+", encoding="utf-8") as stdout:
            self._keeper = subprocess.Popen(  # noqa: S603 - no shell, arguments are a list
                [sys.executable, "-m", "herdbook.processes.keeper", *self.line],
                stdin=subprocess.PIPE,  # it closes when we end
                stdout=stdout,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                env={**os.environ, "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "160"},
                start_new_session=True,
            )
            try:
                with self._keeper.stderr or nullcontext(()) as lines:
                    for line in lines:
                        log(line.rstrip())
                        said.append(line.strip())
                ended = self._keeper.wait()
            finally:
                self.kill()
            stdout.seek(0)
            text = stdout.read()
        code = ended if ended < _BY_SIGNAL else _BY_SIGNAL - ended
        first = next((i for i, line in enumerate(said) if line.startswith("error:")), 0)
        return Outcome(code, " ".join(list(said)[first:]) if code else "", _rows(text) if code >= 0 else [])

    def kill(self) -> None:
        """Let the keeper end it and what it started. Every command bears that, and continues next time."""
        if self._keeper is not None and self._keeper.stdin is not None:
            self._keeper.stdin.close()


def _rows(text: str) -> list[dict[str, Any]]:
    """A command's JSON: an array of rows, one row, or nothing."""
    if not text.strip():
        return []
    data = json.loads(text)
    return data if isinstance(data, list) else [data]
