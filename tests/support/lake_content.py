"""What a lake holds, to be compared with another's: row for row, but for the loads' names and times."""

from __future__ import annotations

from pathlib import Path

from herdbook.contracts.digest import sha256_of
from herdbook.contracts.records import RecordKind
from herdbook.lake.attach import open_lake
from herdbook.ledger.models import DeviceDay
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings

TABLES = (*(kind.value for kind in RecordKind), "camera_setup", "calibration", "model_release")

UNSEEN = " UNION ALL ".join(
    f"SELECT load_id FROM record.{table} ANTI JOIN record.device_day USING (load_id)" for table in TABLES
)
"""Rows that no device_day row speaks of."""
TORN = "SELECT load_id FROM device_day AS d WHERE " + " OR ".join(
    f"d.{kind.value}_rows <> (SELECT count(*) FROM record.{kind.value} AS r WHERE r.load_id = d.load_id)"
    for kind in RecordKind
)
"""Days that lack rows which they promise."""

_ROWS = """
SELECT d.device_id, d.day, count(*), sum(h)::VARCHAR
FROM (SELECT load_id, hash(*COLUMNS(* EXCLUDE (load_id))) AS h FROM record.{})
JOIN record.device_day AS d USING (load_id)
GROUP BY ALL ORDER BY ALL
"""
_CLAIMS = """
SELECT d.device_id, d.day, c.tracklet_id, c.animal_id, round(c.confidence, 4), c.method
FROM identity.claim AS c JOIN record.device_day AS d USING (load_id) ORDER BY ALL
"""


def lake_content(settings: Settings) -> dict[str, list[str]]:
    """Rows by table: of records a digest for each device day; claims, days, the ledger's states, and kept footage."""
    found = rows_as_of(settings)
    with ledger_session(settings) as session:
        found["ledger"] = sorted(
            f"{d.device_id} {d.day} {d.revision} {d.state} {'complete' if d.completed_at else 'owed'}"
            for d in session.query(DeviceDay)
        )
    found["footage"] = [f"{p.relative_to(settings.footage)} {sha256_of(p)}" for p in _files(settings.footage)]
    return found


def rows_as_of(settings: Settings, snapshot: int | None = None) -> dict[str, list[str]]:
    """What of it is in the lake, as of a snapshot or now."""
    found = {}
    with open_lake(settings, read_only=True, snapshot=snapshot) as lake:
        for table in TABLES:
            found[table] = [repr(row) for row in lake.execute(_ROWS.format(table)).fetchall()]
        days = "SELECT * EXCLUDE (load_id, loaded_at) FROM {} ORDER BY ALL"
        for name in ("device_day", "record.device_day"):
            found[name] = [repr(row) for row in lake.execute(days.format(name)).fetchall()]
        found["claim"] = [repr(row) for row in lake.execute(_CLAIMS).fetchall()]
        for name, query in (("unseen", UNSEEN), ("torn", TORN)):
            found[name] = [repr(row) for row in lake.execute(query).fetchall()]
    return found


def without(content: dict[str, list[str]], devices: list[str]) -> dict[str, list[str]]:
    """The same but for what is of some devices."""
    return {name: [row for row in rows if not any(d in row for d in devices)] for name, rows in content.items()}


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
