"""The device's own command against a real signed repository: fetched, proved, switched to, or refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from activate_cases import make_config, make_place, named, point_at
from fastapi.testclient import TestClient

from herdbook.contracts.activation import DeviceReport, Stage
from herdbook.contracts.digest import sha256_of
from herdbook.edge import updates
from herdbook.edge.activate.opened import open_release
from herdbook.edge.agent import create_agent
from herdbook.edge.config import DeviceConfig, write_device_config
from herdbook.edge.triton.environment import triton_home
from herdbook.fleet.trust import publish_release
from support.made_release import make_release
from support.plain_release import write_plain_release
from support.trust import Platform

TOKEN = "a-token-of-forty-characters-for-the-tests"


def update(root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "herdbook", "edge", "update", "--once", "--root", str(root), "--json"]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)


def in_int8(folder: Path) -> Path:
    """A release whose recipe runs its student in int8."""
    document = json.loads((folder / "release.json").read_bytes())
    student = folder / "student.int8.onnx"
    student.write_bytes((folder / "student.onnx").read_bytes())
    document["networks"].append({"role": "student", "precision": "int8", "file": student.name, "largest_error": 0.0})
    document["files"].append({"name": student.name, "bytes": student.stat().st_size, "sha256": sha256_of(student)})
    document["recipes"][0]["precision"] = "int8"
    (folder / "release.json").write_text(json.dumps(document))
    return folder


def test_drift_is_read_of_the_networks_that_run_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, source = make_place(tmp_path / "root"), write_plain_release(tmp_path / "source")
    one, two = (in_int8(make_release(place.releases, source, name)) for name in ("compact-1", "compact-2"))
    point_at(place, named(place, one, 1))
    asked: dict[str, Any] = {}

    def read_drift(old: DeviceConfig, new: DeviceConfig, *_: object, **graphs: object) -> None:
        asked.update(old=old.network, new=new.network, **graphs)

    monkeypatch.setattr(updates, "read_drift", read_drift)
    updates.drift_of(place, open_release(two, place.hardware))
    graphs = [{"student": f / "student.int8.onnx", "behaviour": f / "behaviour.onnx"} for f in (one, two)]
    assert asked == {"old": one, "new": two, "old_graphs": graphs[0], "new_graphs": graphs[1]}
    (one / "release.json").write_text("{")
    drift = updates.drift_of(place, open_release(two, place.hardware))
    assert drift is not None
    assert "release.json" in (drift.unread or ""), "what is wrong with the old release stops nothing"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_device_takes_up_what_is_signed_for_it_and_refuses_what_does_not_prove_itself(
    platform: Platform, tmp_path: Path
) -> None:
    root, source = tmp_path / "device", write_plain_release(tmp_path / "source")
    platform.device(root)  # gives it its root of trust
    serve = "triton" if triton_home() is not None else "onnxruntime"
    config = make_config(serve=serve, updates={"url": platform.url, "reserve_mib": 0})
    write_device_config(root / "device.yaml", config)

    publish_release(platform.settings, make_release(tmp_path / "made", source, "compact-7"))
    platform.assign(platform.assignment("compact-7"))
    done = update(root)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert (row["stage"], row["desired"], row["actual"], row["serving"]) == ("idle", "compact-7", "compact-7", True)

    publish_release(platform.settings, make_release(tmp_path / "made", source, "compact-8", spoil=1.0))
    platform.assign(platform.assignment("compact-8"))
    done = update(root)
    assert done.returncode == 98, done.stderr
    (row,) = json.loads(done.stdout)
    assert (row["stage"], row["desired"], row["actual"], row["serving"]) == ("failed", "compact-8", "compact-7", True)

    agent = TestClient(create_agent(root, config, TOKEN), headers={"Authorization": f"Bearer {TOKEN}"})
    report = DeviceReport.model_validate(agent.get("/v1/release").json())
    assert (report.stage, report.actual, report.desired) == (Stage.FAILED, "compact-7", "compact-8")
    assert report.certificate is not None
    assert "parity of 'student'" in report.certificate.problems[0]
