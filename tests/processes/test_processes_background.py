"""A background process takes along all that it started, even what hides from its process group."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from herdbook.errors import HerdbookError
from herdbook.processes.background import Background, free_ports
from herdbook.processes.sessions import session_members

FAMILY = """
import os, signal, subprocess, sys, time
hidden = "import os, signal, time; os.setpgid(0, 0); signal.signal(signal.SIGTERM, signal.{how}); time.sleep(60)"
for how in ("SIG_IGN", "SIG_DFL"):
    subprocess.Popen([sys.executable, "-c", hidden.format(how=how)])
print("ready", flush=True)
time.sleep(60)
"""


def test_stopping_leaves_nobody_behind(tmp_path: Path) -> None:
    process = Background("family", [sys.executable, "-c", FAMILY], tmp_path / "log", os.environ)
    assert process.wait_for("r.ady") == "ready"
    time.sleep(0.5)
    session = process.session
    assert len(session_members(session)) == 4, "keeper, parent and two children"
    process.stop(patience_s=1.5)
    assert session_members(session) == []


def test_not_even_when_we_are_killed(tmp_path: Path) -> None:
    ours = (
        "import os, pathlib, sys, time\n"
        "from herdbook.processes.background import Background\n"
        "p = Background('sleep', ['sleep', '60'], pathlib.Path(sys.argv[1]), os.environ)\n"
        "print(p.session, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", ours, str(tmp_path / "log")], stdout=subprocess.PIPE) as we:
        session = int(we.stdout.readline())  # type: ignore[union-attr]
        deadline = time.monotonic() + 20
        while len(session_members(session)) < 2:
            assert time.monotonic() < deadline
        we.kill()
    while session_members(session):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_nor_those_who_will_not_listen(tmp_path: Path) -> None:
    """The keeper insists even where the command itself ended at the first word."""
    family = tmp_path / "family.py"
    family.write_text(FAMILY)
    code = (
        "import sys\nfrom herdbook.processes import keeper\n"
        "keeper.PATIENCE_S = 0.5\nkeeper.main([sys.executable, sys.argv[1]])\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(family)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(0.5)
        assert len(session_members(process.pid)) == 4
        process.stdin.close()  # type: ignore[union-attr]
        assert process.wait(20) == 143
        assert session_members(process.pid) == []


def test_leaving_the_block_stops_it(tmp_path: Path) -> None:
    with Background("sleep", ["sleep", "60"], tmp_path / "log", os.environ) as process:
        assert session_members(process.session)
    assert session_members(process.session) == []


def test_an_early_end_is_said_with_its_last_words(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "raise SystemExit('port in use')"]
    with Background("agent", words, tmp_path / "log", os.environ) as process:
        assert process.wait(20) == 1
        with pytest.raises(HerdbookError, match="agent ended with code 1: port in use"):
            process.wait_for("serves on")


def test_free_ports_are_free_and_distinct() -> None:
    ports = free_ports(3)
    assert len(set(ports)) == 3
    for port in ports:
        with socket.socket() as s:
            s.bind(("127.0.0.1", port))
