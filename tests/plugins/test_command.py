"""A command runs in its own process; its JSON, its words and its exit code come back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from herdbook import errors
from herdbook.settings import get_settings


@pytest.fixture
def fake_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An interpreter that runs the script ``tmp_path/body.py`` whatever it is asked."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} {tmp_path / "body.py"} "$@"\n')
    python.chmod(0o755)
    monkeypatch.setenv("HERDBOOK_PYTHON", str(python))
    get_settings.cache_clear()
    return tmp_path / "body.py"


def test_rows_come_back_from_the_real_command_line() -> None:
    from herdbook_airflow.command import Command

    said: list[str] = []
    outcome = Command(["doctor"]).run(said.append)
    assert outcome.code == errors.CheckupFailedError.exit_code  # nothing is initialised here
    assert {"name", "verdict"} <= set(outcome.rows[0])
    assert not outcome.may_pass


def test_an_error_comes_back_as_the_command_put_it() -> None:
    from herdbook_airflow.command import Command

    said: list[str] = []
    outcome = Command(["sql", "SELECT 1"]).run(said.append)
    assert outcome.code == errors.NotFoundError.exit_code
    assert "there is no published herd database" in str(outcome)
    assert any("`herdbook publish` writes it" in line for line in said)
    assert outcome.rows == []


@pytest.mark.parametrize(
    ("error", "may_pass"),
    [
        (errors.DeviceUnreachableError, True),
        (errors.DeviceBusyError, True),
        (errors.LakeBusyError, True),
        (errors.TransferCorruptError, True),
        (errors.DeviceAuthenticationError, False),
        (errors.FileFormatError, False),
        (errors.LakeCheckFailedError, False),
        (errors.HerdbookError, False),
    ],
)
def test_only_what_may_pass_by_itself_is_tried_again(
    fake_python: Path, error: type[errors.HerdbookError], may_pass: bool
) -> None:
    from herdbook_airflow.command import Command

    fake_python.write_text(f"raise SystemExit({error.exit_code})")
    assert Command(["load"]).run(print).may_pass is may_pass


def test_lines_are_passed_on_while_the_command_runs(fake_python: Path) -> None:
    from herdbook_airflow.command import Command

    fake_python.write_text(
        "import sys, time\nfor i in range(3):\n    print(i, file=sys.stderr, flush=True); time.sleep(0.2)\nprint('[]')"
    )
    times: list[float] = []
    Command(["load"]).run(lambda _: times.append(time.monotonic()))
    assert times[2] - times[0] > 0.3


def test_large_output_on_both_streams_does_not_block(fake_python: Path) -> None:
    from herdbook_airflow.command import Command

    fake_python.write_text(
        "import json, sys\nprint(json.dumps([{'n': i} for i in range(50_000)]))\nsys.stderr.write('x\\n' * 200_000)"
    )
    assert len(Command(["load"]).run(lambda _: None).rows) == 50_000


def test_killing_a_command_ends_what_it_started(fake_python: Path, home: Path) -> None:
    from herdbook_airflow.command import Command

    child = home / "child.pid"
    fake_python.write_text(
        "import pathlib, subprocess, sys, time\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"pathlib.Path({str(child)!r}).write_text(str(p.pid))\n"
        "print('started', file=sys.stderr, flush=True)\n"
        "time.sleep(60)\n"
    )
    command = Command(["load"])
    outcome = command.run(lambda _: threading.Timer(0.2, command.kill).start())
    assert outcome.code == -signal.SIGTERM
    assert outcome.may_pass
    assert not _alive(int(child.read_text()))


def test_a_killed_worker_takes_its_command_along(fake_python: Path, home: Path) -> None:
    from herdbook.demo.airflow import checkout

    fake_python.write_text(
        "import os, pathlib, subprocess, sys, time\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"pathlib.Path({str(home / 'pids')!r}).write_text(f'{{os.getpid()}} {{p.pid}}')\n"
        "print('started', file=sys.stderr, flush=True)\n"
        "time.sleep(60)\n"
    )
    worker = (
        "from herdbook_airflow.command import Command\nCommand(['load']).run(lambda line: print(line, flush=True))\n"
    )
    env = os.environ | {"PYTHONPATH": str(checkout() / "plugins")}
    with subprocess.Popen([sys.executable, "-c", worker], env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        process.kill()
    for pid in (home / "pids").read_text().split():
        assert not _alive(int(pid))


def _alive(pid: int) -> bool:
    for _ in range(50):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            os.kill(pid, 0)
        except (ProcessLookupError, FileNotFoundError):
            return False
        if state == "Z":
            return False
        time.sleep(0.1)
    return True
