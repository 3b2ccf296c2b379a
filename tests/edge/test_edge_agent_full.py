"""A device whose disk is full to the last byte: it hears that a day is safe, and has room again."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from herdbook.contracts.device_day import manifest_sha256
from herdbook.edge.agent import create_agent
from herdbook.edge.config import DeviceCamera, DeviceConfig, Retention
from herdbook.edge.days import DayStore
from support.device_day import DaySpec, write_device_day
from support.disks import fill, small_disk

TOKEN = "a-token-of-forty-characters-for-the-tests"
SPEC = DaySpec(clips=1)


def asked(root: Path, retention: Retention) -> tuple[int, str]:
    """Acknowledge the day; status and what the agent says."""
    camera = DeviceCamera(camera_id="c", pen_id="p", width=320, height=240, fps=4, source="nowhere")
    config = DeviceConfig(
        device_id=SPEC.device_id, farm_id="f", timezone=SPEC.timezone, cameras=(camera,), retention=retention
    )
    raw = (root / "days" / SPEC.day.isoformat() / "r1" / "manifest.json").read_bytes()
    body = {"revision": 1, "manifest_sha256": manifest_sha256(raw)}
    with TestClient(create_agent(root, config, TOKEN), raise_server_exceptions=False) as client:
        answer = client.post(
            f"/v1/days/{SPEC.day}/acknowledgement", json=body, headers={"Authorization": f"Bearer {TOKEN}"}
        )
    return answer.status_code, json.loads(answer.content)["detail"] if answer.content else ""


def is_acknowledged(root: Path, day: date = SPEC.day) -> bool:
    store = DayStore(root)
    stored = store.latest(day)
    return stored is not None and store.acknowledgement(stored) is not None


@pytest.mark.parametrize("after_days", [0, 30])
def test_a_full_disk_is_freed_by_the_acknowledgement(tmp_path: Path, after_days: int) -> None:
    with small_disk(tmp_path / "disk", 2) as root:
        folder = write_device_day(root, SPEC)
        fill(root, but=0)
        assert asked(root, Retention(after_days=after_days)) == (204, "")
        assert is_acknowledged(root)
        assert [path.name for path in folder.iterdir()] == ["manifest.json"]
        (root / "room").write_bytes(bytes(4096))


def test_a_device_that_may_free_nothing_says_that_it_is_full(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 2) as root:
        folder = write_device_day(root, SPEC)
        before = sorted(folder.iterdir())
        fill(root, but=0)
        assert asked(root, Retention(free="nothing")) == (507, "the device's disk is full")
        assert not is_acknowledged(root)
        assert sorted(folder.iterdir()) == before
