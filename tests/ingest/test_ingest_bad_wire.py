"""A device that is off, refuses, lies about itself or breaks off: one clear message, an exit code, nothing is lost."""

from __future__ import annotations

import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from device_server import Device, serve
from ingest_cases import (
    DAY,
    SENT,
    SPEC,
    Ingest,
    enrolled,
    landed_rows,
)
from sqlalchemy import select

from herdbook.contracts.landed_day import landed_days
from herdbook.contracts.records import RecordKind
from herdbook.fleet.inventory import enrol
from herdbook.ledger.models import Attempt
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings
from support.device_day import write_device_day


def test_wrong_token(settings: Settings, device: Device, ingest: Ingest) -> None:
    write_device_day(device.root, SPEC)
    enrol(settings, SPEC.device_id, token="another-token-altogether-of-a-device")
    code, said = ingest()
    assert code == 22
    assert "refuses our token" in said
    assert "--token-file" in said
    assert "another-token" not in said
    enrolled(settings, device)
    assert ingest()[0] == 0


def test_device_that_is_off(settings: Settings, tmp_path: Path, ingest: Ingest) -> None:
    with serve(Device(tmp_path / "gone")) as gone:
        enrolled(settings, gone)
    code, said = ingest()
    assert code == 21
    assert "power and network" in said
    with ledger_session(settings) as session:
        assert session.scalars(select(Attempt)).one().error == "DeviceUnreachableError"


def test_device_that_disappears_mid_transfer(settings: Settings, device: Device, ingest: Ingest) -> None:
    write_device_day(device.root, SPEC)
    device.cut_after = 5_000
    code, _ = ingest()
    assert code == 21
    assert not landed_days(settings.landing)
    assert not device.acknowledged
    device.cut_after = None
    assert ingest()[0] == 0
    assert landed_rows(settings) == SENT
    everything = sum(p.stat().st_size for p in device.root.rglob("*") if p.name != "manifest.json" and p.is_file())
    assert device.file_bytes == everything, "what had arrived was not fetched again"


def test_device_that_disappears_between_records_and_footage(settings: Settings, device: Device, ingest: Ingest) -> None:
    folder = write_device_day(device.root, SPEC)
    records = sum((folder / f"{kind.value}.parquet").stat().st_size for kind in RecordKind)
    device.cut_after = records + 100
    assert ingest()[0] == 21
    assert landed_rows(settings) == SENT, "the records do not wait for the footage"
    assert not device.acknowledged
    device.cut_after = None
    assert ingest()[0] == 0
    assert device.acknowledged


@pytest.mark.parametrize("asked", ["health", "days", f"days/{DAY}/manifest", f"days/{DAY}/acknowledgement"])
def test_a_line_that_breaks_within_an_answer_is_asked_again_at_once(
    device: Device, ingest: Ingest, settings: Settings, asked: str
) -> None:
    write_device_day(device.root, SPEC)
    device.hang_ups[f"/v1/{asked}"] = 2
    assert ingest()[0] == 0
    assert landed_rows(settings) == SENT
    assert device.acknowledged
    assert device.hang_ups == {f"/v1/{asked}": 0}


def test_a_line_that_breaks_every_time_is_said(device: Device, ingest: Ingest, settings: Settings) -> None:
    write_device_day(device.root, SPEC)
    device.hang_ups["/v1/days"] = 100
    assert ingest()[0] == 21
    assert device.hang_ups == {"/v1/days": 97}


def test_another_device_at_the_address(device: Device, ingest: Ingest) -> None:
    device.device_id = "barn-a-2"
    code, said = ingest()
    assert code == 24
    assert "barn-a-2" in said


def test_clock_a_day_off(settings: Settings, device: Device, ingest: Ingest) -> None:
    write_device_day(device.root, SPEC)
    for ahead, side in ((timedelta(days=1), "ahead of"), (timedelta(days=-1), "behind")):
        device.clock_ahead = ahead
        code, said = ingest()
        assert code == 23
        assert side in said
        assert "NTP" in said
    assert device.file_bytes == 0
    assert not device.acknowledged
    device.clock_ahead = timedelta(seconds=30)
    assert ingest()[0] == 0


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two self-signed certificates for 127.0.0.1, which are their own authorities."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificates of this test")
    folder = tmp_path_factory.mktemp("tls")
    for name in ("ours", "other"):
        command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
        names = ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
        files = ["-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem"]
        subprocess.run([*command.split(), *names, *files], check=True, capture_output=True)
    return folder


def test_certificate_of_another_authority(
    settings: Settings, tmp_path: Path, authorities: Path, ingest: Ingest
) -> None:
    root = tmp_path / "device"
    write_device_day(root, SPEC)
    with serve(Device(root), authorities / "ours.pem", authorities / "ours.key") as device:
        enrolled(settings, device, ca_file=authorities / "other.pem")
        code, said = ingest()
        assert code == 22
        assert "certificate" in said
        assert "--ca-file" in said
        assert device.requests == [], "the token was not sent"
        enrolled(settings, device, ca_file=authorities / "ours.pem")
        assert ingest()[0] == 0


@pytest.mark.parametrize(
    ("arguments", "code"), [(("--until", "0001-01-01"), 10), (("--until", "9999-12-31"), 10), (("20260302",), 2)]
)
def test_days_that_are_none(device: Device, ingest: Ingest, arguments: tuple[str, ...], code: int) -> None:
    assert ingest(SPEC.device_id, *arguments)[0] == code
    assert device.requests == []
