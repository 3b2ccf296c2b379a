"""The ceremony from the command line, the server of the command line, and a device that is given its root."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from herdbook.cli import main
from herdbook.edge.install import Installer
from herdbook.fleet.trust import assign
from herdbook.processes.background import Background
from herdbook.settings import Settings, get_settings
from support.trust import PASSPHRASE, Platform, Server

pytestmark = pytest.mark.slow


Herdbook = Callable[..., str]


@pytest.fixture
def herdbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Herdbook]:
    """A command on a home of one's own: what it prints, or where it fails as expected, what it says."""

    def run(*arguments: str | Path, code: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["herdbook", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert (ended.value.code or 0) == code, said.err
        return said.err if code else said.out

    monkeypatch.setenv("HERDBOOK_HOME", str(tmp_path / "home"))
    get_settings.cache_clear()
    yield run
    get_settings.cache_clear()


def test_from_the_ceremony_to_a_device(herdbook: Herdbook, tmp_path: Path) -> None:
    home, stick, secret = tmp_path / "home", tmp_path / "stick", tmp_path / "passphrase"
    stick.mkdir()
    secret.write_bytes(PASSPHRASE + b"\n")
    secret.chmod(0o644)
    keys = ("--keys", stick, "--passphrase-file", secret)
    assert "chmod 600" in herdbook("fleet", "trust", "init", *keys, code=11)
    secret.chmod(0o600)
    assert herdbook("fleet", "trust", "refresh", "--json").strip() == "[]", "nothing to refresh is no fault"
    assert "fleet trust init" in herdbook("fleet", "trust", "status", code=44)
    herdbook("fleet", "trust", "init", *keys)
    roles = {row["role"]: row for row in json.loads(herdbook("fleet", "trust", "status", "--json"))}
    assert (roles["root"]["threshold"], len(roles["root"]["keys"]), roles["timestamp"]["days_left"]) == (2, 3, 7.0)
    herdbook("fleet", "trust", "rotate", "snapshot", *keys)
    herdbook("fleet", "trust", "refresh", *keys)
    root_file = tmp_path / "root.json"
    herdbook("fleet", "trust", "status", "--root-file", root_file)

    platform = Platform(Settings(home=home), stick, Server(tmp_path, ""))
    platform.publish()
    assign(platform.settings, [platform.assignment()])
    device = tmp_path / "device"
    herdbook("edge", "trust", root_file, "--root", device)
    assert "not a root of trust" in herdbook("edge", "trust", secret, "--root", device, code=92)
    command = [sys.executable, "-m", "herdbook", "fleet", "serve", "--port", "0"]
    with Background("server", command, tmp_path / "log", os.environ | {"HERDBOOK_HOME": str(home)}) as server:
        url = server.wait_for(r"http://\S+", 200)
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
