"""What a manifest must be before anything behind it is believed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from herdbook.contracts.device_day import FileKind, Manifest, parse_manifest
from herdbook.contracts.records import RecordKind
from herdbook.errors import ManifestError, UnsafePathError
from support.device_day import DaySpec, write_device_day
from support.hostile import JUNK, places


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = write_device_day(tmp_path_factory.mktemp("device"), DaySpec(clips=1))
    return (folder / "manifest.json").read_bytes()


def altered(raw: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    data = json.loads(raw)
    change(data)
    return json.dumps(data).encode()


def test_a_manifest_reads_back_as_it_was_written(raw: bytes) -> None:
    manifest = parse_manifest(raw)
    assert parse_manifest(manifest.to_bytes()) == manifest
    assert {manifest.record_file(kind).kind.value for kind in RecordKind} == {kind.value for kind in RecordKind}
    assert len(manifest.of_kind(FileKind.CLIP)) == 1


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "a/b.parquet", "..", ".ssh", "a..b", "\\\\host\\x"]
)
def test_a_file_name_that_leaves_its_folder_is_refused_as_unsafe(raw: bytes, name: str) -> None:
    with pytest.raises(UnsafePathError):
        parse_manifest(altered(raw, lambda d: d["files"][0].update(name=name)))


@pytest.mark.parametrize("name", ["Bout file.parquet", "x\u0000.mp4", "", "x" * 128, 7, None, ["../x"], {"..": "/"}])
def test_a_file_name_that_is_merely_none_is_no_attack(raw: bytes, name: object) -> None:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(altered(raw, lambda d: d["files"][0].update(name=name)))
    assert type(caught.value) is ManifestError


def test_messages_stay_short_whatever_was_sent(raw: bytes) -> None:
    for change in ({"name": "../" + "x" * 100_000}, {"sha256": "y" * 100_000}):
        with pytest.raises(ManifestError) as caught:
            parse_manifest(altered(raw, lambda d, change=change: d["files"][0].update(change)))
        assert len(caught.value.message) < 300


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d.pop("farm_id"), "farm_id"),
        (lambda d: d.update(secret=1), "secret"),
        (lambda d: d.update(revision=0), "revision"),
        (lambda d: d.update(revision="1"), "revision"),
        (lambda d: d.update(timezone="Mars/Olympus"), "not a time zone"),
        (lambda d: d.update(device_id="Barn A"), "device_id"),
        (lambda d: d.update(issued_at="2026-03-02T10:00:00"), "issued_at"),
        (lambda d: d["files"].append(d["files"][0]), "same name"),
        (lambda d: d["files"].pop(0), "exactly one coverage"),
        (lambda d: d["files"][1].update(rows=None), "number of rows"),
        (lambda d: d["files"][1].update(rows=-1), "rows"),
        (lambda d: d["files"][1].update(sha256="A" * 64), "sha256"),
        (lambda d: d["files"][-1].update(camera_id="elsewhere"), "not among the manifest's cameras"),
        (lambda d: d["files"][-2].update(started_at=None), "needs its camera"),
        (lambda d: d["files"][-2].update(started_at="2026-03-01T23:59:59Z"), "not of the farm-local day"),
        (lambda d: d["files"][-2].update(ended_at="2026-03-03T00:00:01Z"), "not of the farm-local day"),
        (lambda d: d["files"][-2].update(started_at="0001-01-01T00:00:00+14:00"), "started_at"),
        (lambda d: d["files"][-1].update(ended_at="2026-03-05T00:00:00Z"), "not of the farm-local day"),
        (lambda d: d["files"][-2].update(bytes=10**19), "bytes"),
        (lambda d: d["files"][1].update(rows=10**19), "rows"),
        (lambda d: d["files"][1].update(sha256=d["files"][0]["sha256"]), "another size"),
        (lambda d: d.update(revision=10**20), "revision"),
        (lambda d: d.update(day="9999-12-31"), "day"),
        (lambda d: d.update(day="0001-01-01"), "day"),
        (lambda d: d.update(timezone="Europe"), "not a time zone"),
        (lambda d: d.update(timezone="E" * 300), "timezone"),
        (lambda d: d["cameras"][0]["calibrations"][0].update(valid_from="0001-01-01T00:00:00+14:00"), "valid_from"),
        (lambda d: d["cameras"][0]["zones"][0]["polygon"][0].__setitem__(0, float("nan")), "polygon"),
        (lambda d: d.update(cameras=[]), "cameras"),
        (lambda d: d.update(format="herdbook-device-day/2"), "format"),
    ],
)
def test_each_thing_wrong_is_named(raw: bytes, change: Callable[[dict[str, Any]], object], says: str) -> None:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(altered(raw, change))
    assert says in caught.value.message


@settings(max_examples=200)
@given(noise=st.binary(max_size=200))
def test_noise_is_a_manifest_error_and_nothing_else(noise: bytes) -> None:
    with pytest.raises(ManifestError):
        parse_manifest(noise)


@settings(max_examples=500)
@given(data=st.data())
def test_any_json_in_any_place_is_accepted_or_refused_but_never_crashes(raw: bytes, data: st.DataObject) -> None:
    document = json.loads(raw)
    place, key = data.draw(st.sampled_from(places(document)))
    place[key] = data.draw(JUNK)
    try:
        manifest = parse_manifest(json.dumps(document).encode())
    except ManifestError:
        return
    assert isinstance(manifest, Manifest)


def test_an_oversized_manifest_is_not_parsed() -> None:
    with pytest.raises(ManifestError, match="bytes"):
        parse_manifest(b" " * (16 * 1024 * 1024 + 1))


def test_the_kit_writes_days_that_are_valid(tmp_path: Path) -> None:
    for clips in (0, 2):
        parse_manifest((write_device_day(tmp_path / str(clips), DaySpec(clips=clips)) / "manifest.json").read_bytes())
