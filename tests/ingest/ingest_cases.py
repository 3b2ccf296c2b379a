"""Days that are wrong in some way, and what became of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from device_server import TOKEN, Device
from sqlalchemy import select

from herdbook.contracts.device_day import FileKind, parse_manifest
from herdbook.contracts.landed_day import landed_days, read_landed_day
from herdbook.contracts.records import RecordKind
from herdbook.fleet.inventory import enrol
from herdbook.ledger.migrate import upgrade
from herdbook.ledger.models import DayState, DeviceDay
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings
from support.device_day import DaySpec, day_file, record_tables

SPEC = DaySpec(clips=1)
DAY = SPEC.day.isoformat()
SENT = {kind: table.num_rows for kind, table in record_tables(SPEC).items()}
Ingest = Callable[..., tuple[int, str]]
"""Runs ``herdbook ingest`` with the given arguments: exit code, and what it said on stderr."""


def enrolled(settings: Settings, device: Device, ca_file: Path | None = None) -> Settings:
    """Enrol a served device."""
    upgrade(settings)
    enrol(
        settings,
        device.device_id,
        farm_id="demo-farm",
        url=device.url,
        timezone="Europe/London",
        token=TOKEN,
        ca_file=ca_file,
    )
    return settings


def rewrite_manifest(folder: Path, **changes: object) -> None:
    """Change keys of a day's manifest."""
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changes))


def rewrite(folder: Path, kind: RecordKind, change: Callable[[pa.Table], pa.Table]) -> None:
    """Change a record file, and let the manifest tell the truth about it."""
    name = f"{kind.value}.parquet"
    pq.write_table(change(pq.read_table(folder / name)), folder / name)
    say_truth(folder, name)


def say_truth(folder: Path, name: str) -> None:
    """Correct a file's manifest entry, but for its rows if it cannot be read."""
    files = json.loads((folder / "manifest.json").read_bytes())["files"]
    entry = next(file for file in files if file["name"] == name)
    entry |= json.loads(day_file(folder, FileKind(entry["kind"]), name, **_where(entry)).model_dump_json())
    rewrite_manifest(folder, files=files)


def _where(entry: dict[str, object]) -> dict[str, object]:
    return {key: entry[key] for key in ("camera_id", "started_at", "ended_at")}


def state_of_day(settings: Settings) -> DayState:
    with ledger_session(settings) as session:
        return session.scalars(select(DeviceDay)).one().state


def landed_rows(settings: Settings) -> dict[RecordKind, int]:
    (folder,) = landed_days(settings.landing)
    landed = read_landed_day(folder)
    rows = {kind: pq.read_table(landed.record_path(kind)).num_rows for kind in RecordKind}
    assert rows == landed.landing.rows
    return rows


def digest_of(folder: Path, name: str) -> str:
    manifest = parse_manifest((folder / "manifest.json").read_bytes())
    return next(file.sha256 for file in manifest.files if file.name == name)
