"""The ceremony from the command line, the server of the command line, and a device that is given its root."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from herdbook.edge.install import Installer
from herdbook.fleet.trust import assign
from herdbook.processes.background import Background
from herdbook.settings import Settings
from support.trust import PASSPHRASE, Platform, Server

pytestmark = pytest.mark.slow


def herdbook(home: Path, *arguments: str | Path, code: int = 0) -> str:
    run = subprocess.run(
        [sys.executable, "-m", "herdbook", *map(str, arguments)],
        env=os.environ | {"HERDBOOK_HOME": str(home), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert run.returncode == code, run.stderr
    return run.stdout if code == 0 else run.stderr


def test_from_the_ceremony_to_a_device(tmp_path: Path) -> None:
    home, stick, secret = tmp_path / "home", tmp_path / "stick", tmp_path / "passphrase"
    stick.mkdir()
    secret.write_bytes(PASSPHRASE + b"\n")
    secret.chmod(0o644)
    keys = ("--keys", stick, "--passphrase-file", secret)
    assert "chmod 600" in herdbook(home, "fleet", "trust", "init", *keys, code=11)
    secret.chmod(0o600)
    assert herdbook(home, "fleet", "trust", "refresh", "--json").strip() == "[]", "nothing to refresh is no fault"
    assert "fleet trust init" in herdbook(home, "fleet", "trust", "status", code=44)
    herdbook(home, "fleet", "trust", "init", *keys)
    roles = {row["role"]: row for row in json.loads(herdbook(home, "fleet", "trust", "status", "--json"))}
    assert (roles["root"]["threshold"], len(roles["root"]["keys"]), roles["timestamp"]["days_left"]) == (2, 3, 7.0)
    herdbook(home, "fleet", "trust", "rotate", "snapshot", *keys)
    herdbook(home, "fleet", "trust", "refresh", *keys)
    root_file = tmp_path / "root.json"
    herdbook(home, "fleet", "trust", "status", "--root-file", root_file)

    platform = Platform(Settings(home=home), stick, Server(tmp_path, ""))
    platform.publish()
    assign(platform.settings, [platform.assignment()])
    device = tmp_path / "device"
    herdbook(home, "edge", "trust", root_file, "--root", device)
    assert "not a root of trust" in herdbook(home, "edge", "trust", secret, "--root", device, code=92)
    command = [sys.executable, "-m", "herdbook", "fleet", "serve", "--port", "0"]
    with Background("server", command, tmp_path / "log", os.environ | {"HERDBOOK_HOME": str(home)}) as server:
        url = server.wait_for(r"http://\S+")
        installer = Installer(device, "barn-1", url, reserve_bytes=0)
        assert {path.name for path in installer.fetch(installer.look()).iterdir()} >= {"release.json", "student.npz"}
        target = platform.target("releases/compact-1/student.npz")
        there = f"{url}/targets/releases/compact-1/{target.name}"
        assert httpx.get(there, headers={"Range": "bytes=40-"}).content == target.read_bytes()[40:]
        assert httpx.get(there, headers={"Range": "bytes=40-"}).status_code == 206
        target.with_name(f".{target.name}.part").write_bytes(b"half")
        for hidden in (f"{url}/targets/releases/compact-1/.{target.name}.part", f"{url}/metadata/../../writer.lock"):
            assert httpx.get(hidden).status_code == 404
        assert httpx.post(there).status_code == 405
