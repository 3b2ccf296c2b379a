"""Whatever a device says, the platform answers with one of its own errors, and never with a traceback."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from device_server import Device, serve
from hypothesis import given
from hypothesis import strategies as st
from ingest_cases import DAY, SPEC, Ingest, enrolled

from herdbook.contracts.device_day import manifest_sha256
from herdbook.errors import HerdbookError
from herdbook.ingest.night import ingest_device
from herdbook.settings import Settings
from support.device_day import write_device_day
from support.fuzz import cases, ran
from support.hostile import JUNK, places

MANIFEST = f"/v1/days/{DAY}/manifest"


class Wire:
    """A device whose every word can be changed, and platforms that know it."""

    def __init__(self, device: Device, folder: Path) -> None:
        self.device, self._folder = device, folder
        self._manifest = (write_device_day(device.root, SPEC) / "manifest.json").read_bytes()
        enrolled(Settings(home=folder / "template", timeout_s=5), device)

    def platform(self) -> Settings:
        """One that has never met the device."""
        home = self._folder / "home"
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(self._folder / "template", home)
        return Settings(home=home, timeout_s=5)

    def documents(self) -> dict[str, Any]:
        """What the device says, as data. Its list of days follows the manifest."""
        return {
            "/v1/health": {
                "device_id": SPEC.device_id,
                "software_version": "0.1.0",
                "now": datetime.now(UTC).isoformat(),
                "free_bytes": 1,
                "status": "ok",
            },
            MANIFEST: json.loads(self._manifest),
        }

    def say(self, documents: dict[str, Any]) -> None:
        """Change what the device says."""
        answers = {path: json.dumps(document).encode() for path, document in documents.items()}
        manifest = documents[MANIFEST]
        told = {key: manifest.get(key) for key in ("day", "revision", "final")} if isinstance(manifest, dict) else {}
        offer = {"day": DAY, "revision": 1, "final": True, "acknowledged": False} | told
        offer["manifest_sha256"] = manifest_sha256(answers[MANIFEST])
        self.device.answers = {"/v1/days": json.dumps([offer]).encode()} | answers


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    folder = tmp_path_factory.mktemp("hostile")
    with serve(Device(folder / "device")) as device:
        yield Wire(device, folder)


@cases(short=30, nightly=1000)
@given(data=st.data())
def test_any_value_in_any_place_is_one_of_our_errors_or_fine(wire: Wire, data: st.DataObject) -> None:
    ran("what a device says over the wire")
    documents = wire.documents()
    wire.say(documents)
    documents["/v1/days"] = json.loads(wire.device.answers["/v1/days"])
    path = data.draw(st.sampled_from(sorted(documents)))
    place, key = data.draw(st.sampled_from(places(documents[path])))
    place[key] = data.draw(JUNK)
    if path != "/v1/days":
        del documents["/v1/days"]
    wire.say(documents)
    try:
        results = ingest_device(wire.platform(), SPEC.device_id, SPEC.day)
    except HerdbookError as error:
        found = [type(error)]
    else:
        found = [finding.error for result in results for finding in result.findings]
    assert HerdbookError not in found, "a fault of ours"


@pytest.mark.parametrize("path", ["/v1/health", "/v1/days", MANIFEST])
def test_bytes_that_are_not_encoded_as_said(device: Device, ingest: Ingest, path: str) -> None:
    write_device_day(device.root, SPEC)
    device.answers = {path: b"this is not gzip"}
    device.headers = {"Content-Encoding": "gzip"}
    code, said = ingest()
    assert code == 24
    assert "not encoded as it says" in said


@pytest.mark.parametrize("body", [b"[" * 100_000, b"{" * 100_000, b"", b"\xff", b"null", b"[[]]"])
def test_json_that_is_none(device: Device, ingest: Ingest, body: bytes) -> None:
    device.answers = {"/v1/days": body}
    assert ingest()[0] == 24


def test_one_bad_day_is_not_the_others(settings: Settings, device: Device) -> None:
    folder = write_device_day(device.root, SPEC)
    write_device_day(device.root, replace(SPEC, day=SPEC.day.replace(day=3)))
    document = json.loads((folder / "manifest.json").read_bytes())
    for clip in (file for file in document["files"] if file["kind"] == "clip"):
        clip["started_at"] = "0001-01-01T00:00:00+14:00"
    (folder / "manifest.json").write_text(json.dumps(document))
    results = ingest_device(settings, SPEC.device_id, SPEC.day.replace(day=3))
    assert [result.state.value for result in results] == ["quarantined", "landed"]
