"""Against the real agent, over TLS and without: the same protocol as the server of the other tests."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ingest_cases import SENT, SPEC, landed_rows

from herdbook.edge.agent import create_agent
from herdbook.edge.config import DeviceConfig, read_device_config
from herdbook.errors import DeviceAuthenticationError, DeviceClockError, TransferCorruptError
from herdbook.fleet.inventory import enrol
from herdbook.ingest.night import ingest_device
from herdbook.ingest.pull import ingest_day
from herdbook.ingest.result import IngestState
from herdbook.ledger.migrate import upgrade
from herdbook.settings import Settings
from support.agents import CONFIG
from support.device_day import write_device_day

uvicorn = pytest.importorskip("uvicorn", reason="the agent needs the extra 'edge'")
TOKEN = "a-token-of-thirty-two-characters-or-more"


@contextmanager
def serving(root: Path, config: DeviceConfig, ahead: timedelta = timedelta(0)) -> Iterator[str]:
    """The agent in a thread; its address."""
    agent = create_agent(root, config, TOKEN, now=lambda: datetime.now(UTC) + ahead)
    server = uvicorn.Server(uvicorn.Config(agent, port=0, log_level="warning"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / SPEC.device_id
    root.mkdir()
    (root / "device.yaml").write_text(CONFIG.format(device=SPEC.device_id))
    write_device_day(root, SPEC)
    return root


def enrolled(home: Path, url: str, token: str = TOKEN) -> Settings:
    settings = Settings(home=home)
    upgrade(settings)
    enrol(settings, SPEC.device_id, farm_id="demo-farm", url=url, timezone="Europe/London", token=token)
    return settings


def test_a_day_lands_and_the_device_frees_it(root: Path, tmp_path: Path) -> None:
    config = read_device_config(root / "device.yaml")
    with serving(root, config) as url:
        settings = enrolled(tmp_path / "home", url)
        (result,) = ingest_device(settings, SPEC.device_id, SPEC.day)
        assert (result.state, result.findings, result.clips_kept) == (IngestState.LANDED, (), 1)
        assert landed_rows(settings) == SENT
        assert ingest_device(settings, SPEC.device_id, SPEC.day) == [], "the device lists it as acknowledged"
        left = {path.name for path in (root / "days" / SPEC.day.isoformat() / "r1").iterdir()}
        assert left == {"manifest.json"}
        assert ingest_day(settings, SPEC.device_id, SPEC.day).state is IngestState.UNCHANGED


def test_a_platform_that_lost_its_disk_is_told_once_what_the_device_has_freed(root: Path, tmp_path: Path) -> None:
    config = read_device_config(root / "device.yaml")
    with serving(root, config) as url:
        ingest_device(enrolled(tmp_path / "lost", url), SPEC.device_id, SPEC.day)
        settings = enrolled(tmp_path / "home", url)
        (result,) = ingest_device(settings, SPEC.device_id, SPEC.day)
        assert result.state is IngestState.MISSING
        assert "no longer here" in result.findings[0].message
        assert ingest_device(settings, SPEC.device_id, SPEC.day) == []


def test_a_platform_that_lost_its_disk_gets_back_what_the_device_has_kept(root: Path, tmp_path: Path) -> None:
    with (root / "device.yaml").open("a") as device:
        device.write("retention: {free: nothing}\n")
    config = read_device_config(root / "device.yaml")
    with serving(root, config) as url:
        for home in ("lost", "home"):
            settings = enrolled(tmp_path / home, url)
            (result,) = ingest_device(settings, SPEC.device_id, SPEC.day)
            assert (result.state, result.findings, result.clips_kept) == (IngestState.LANDED, (), 1)
            assert landed_rows(settings) == SENT


def test_a_transfer_goes_on_by_range(root: Path, tmp_path: Path) -> None:
    config = read_device_config(root / "device.yaml")
    clip = next((root / "days" / SPEC.day.isoformat() / "r1").glob("*.mp4"))
    manifest = json.loads((clip.parent / "manifest.json").read_bytes())
    sha256 = next(file["sha256"] for file in manifest["files"] if file["name"] == clip.name)
    with serving(root, config) as url:
        settings = enrolled(tmp_path / "home", url)
        parts = settings.footage / SPEC.device_id / ".parts"
        parts.mkdir(parents=True)
        raw = clip.read_bytes()
        (parts / sha256).write_bytes(raw[:1000])
        size = sum(path.stat().st_size for path in clip.parent.iterdir() if path.name != "manifest.json")
        result = ingest_day(settings, SPEC.device_id, SPEC.day)
        assert result.bytes == size - 1000
        assert next((settings.footage / SPEC.device_id).rglob("*.mp4")).read_bytes() == raw


def test_what_lies_in_a_part_is_not_trusted(root: Path, tmp_path: Path) -> None:
    config = read_device_config(root / "device.yaml")
    manifest = json.loads((root / "days" / SPEC.day.isoformat() / "r1" / "manifest.json").read_bytes())
    with serving(root, config) as url:
        settings = enrolled(tmp_path / "home", url)
        for area in (settings.landing, settings.footage):
            parts = area / SPEC.device_id / ".parts"
            parts.mkdir(parents=True)
            for file in manifest["files"]:
                (parts / file["sha256"]).write_bytes(bytes(file["bytes"] // 2))  # zeros, as after a power cut
        assert ingest_day(settings, SPEC.device_id, SPEC.day).state is IngestState.LANDED
        assert landed_rows(settings) == SENT


def test_a_damaged_file_is_said(root: Path, tmp_path: Path) -> None:
    config = read_device_config(root / "device.yaml")
    bouts = root / "days" / SPEC.day.isoformat() / "r1" / "bout.parquet"
    bouts.write_bytes(bouts.read_bytes()[:-1])
    with serving(root, config) as url:
        settings = enrolled(tmp_path / "home", url)
        with pytest.raises(TransferCorruptError, match="damaged"):
            ingest_day(settings, SPEC.device_id, SPEC.day)


def test_its_clock_and_token_are_checked(root: Path, tmp_path: Path) -> None:
    config = read_device_config(root / "device.yaml")
    with serving(root, config, ahead=timedelta(days=1)) as url:
        with pytest.raises(DeviceClockError):
            ingest_day(enrolled(tmp_path / "home", url), SPEC.device_id, SPEC.day)
        with pytest.raises(DeviceAuthenticationError):
            ingest_day(enrolled(tmp_path / "home", url, token=TOKEN[::-1]), SPEC.device_id, SPEC.day)
