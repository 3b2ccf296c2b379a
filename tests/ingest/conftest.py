"""A platform and a device to pull from."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from device_server import Device, serve
from ingest_cases import DAY, SPEC, Ingest, enrolled

from herdbook.cli import main
from herdbook.ingest import client, fetch
from herdbook.settings import Settings, get_settings


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    """A served device without any day yet."""
    with serve(Device(tmp_path / "device")) as device:
        yield device


@pytest.fixture
def settings(tmp_path: Path, device: Device, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A platform that knows the device, and is less patient than in a barn."""
    for waits in (fetch, client):
        monkeypatch.setattr(waits, "PAUSE_S", 0.02)
    return enrolled(Settings(home=tmp_path / "home", timeout_s=5), device)


@pytest.fixture
def ingest(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ingest:
    """The command line, in this process: exit code and what it said on stderr."""
    monkeypatch.setenv("HERDBOOK_HOME", str(settings.home))
    monkeypatch.setenv("HERDBOOK_TIMEOUT_S", "2")
    monkeypatch.setenv("COLUMNS", "500")

    def run(*arguments: str) -> tuple[int, str]:
        get_settings.cache_clear()
        monkeypatch.setattr(sys, "argv", ["herdbook", "ingest", *(arguments or (SPEC.device_id, DAY))])
        with pytest.raises(SystemExit) as exit_:
            main()
        get_settings.cache_clear()
        said = capsys.readouterr().err
        assert "Traceback" not in said
        return int(exit_.value.code or 0), said

    return run
