"""The one operator: run a ``herdbook`` command in a process of its own, never inside Airflow's worker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import IO, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from herdbook import errors
from herdbook.settings import get_settings

RETRYABLE = frozenset(
    error.exit_code
    for error in (
        errors.DeviceError,
        errors.DeviceUnreachableError,
        errors.TransferCorruptError,
        errors.StorageError,
        errors.DiskFullError,
        errors.LakeBusyError,
    )
)
"""Exit codes of what may pass by itself. The others fail the task at once: the same input gives the same error."""


class HerdbookOperator(BaseOperator):
    """Run ``herdbook ARGUMENTS… --json``; log what it says, return references to what it did.

    Args:
        arguments: of the command, templated; ``task.subject`` is at hand.
        subject: what the command is about, for example ``{"device_id": …}``; part of the returned value.
        keep: columns of the command's JSON rows that are returned (XCom carries references only).
        tolerate: exit codes that count as success, beside 0.

    Raises:
        AirflowException: the command failed in a way that may pass by itself, so a retry is due.
        AirflowFailException: it failed in a way that a retry cannot cure.
    """

    template_fields: Sequence[str] = ("arguments",)
    ui_color = "#dfeadf"

    def __init__(
        self,
        *,
        arguments: Sequence[str],
        subject: Mapping[str, Any] | None = None,
        keep: Collection[str] = (),
        tolerate: Collection[int] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.arguments = list(arguments)
        self.subject = subject
        self.keep = tuple(keep)
        self.tolerate = tuple(tolerate)
        self._process: subprocess.Popen[str] | None = None

    def execute(self, context: Any) -> dict[str, Any]:
        """Run the command to its end."""
        with tempfile.TemporaryFile("w+", encoding="utf-8") as stdout:
            code, said = self._run(stdout)
            if code != 0 and code not in self.tolerate:
                message = f"herdbook {' '.join(self.arguments)}: {_ending(code)}. {said}".strip()
                raise (AirflowException if code < 0 or code in RETRYABLE else AirflowFailException)(message)
            stdout.seek(0)
            rows = _rows(stdout.read())
        return {**(self.subject or {}), "rows": [{k: row[k] for k in self.keep if k in row} for row in rows]}

    def on_kill(self) -> None:
        """End the command and what it started; every command bears that and continues next time."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)

    def _run(self, stdout: IO[str]) -> tuple[int, str]:
        """Exit code, and the error as the command put it."""
        command = [get_settings().python or sys.executable, "-m", "herdbook", *self.arguments, "--json"]
        self.log.info("Running %s", command)
        said: deque[str] = deque(maxlen=10)
        self._process = subprocess.Popen(  # noqa: S603 - no shell, arguments are a list
            command,
            stdout=stdout,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "160"},
            process_group=0,
        )
        try:
            for line in self._process.stderr or ():
                self.log.info("%s", line.rstrip())
                said.append(line.strip())
            code = self._process.wait()
        finally:
            self.on_kill()
        first = next((i for i, line in enumerate(said) if line.startswith("error:")), 0)
        return code, " ".join(list(said)[first:])


def _ending(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"ended by signal {-code}"


def _rows(text: str) -> list[dict[str, Any]]:
    """The command's JSON: an array of rows, one row, or nothing."""
    if not text.strip():
        return []
    data = json.loads(text)
    return data if isinstance(data, list) else [data]
