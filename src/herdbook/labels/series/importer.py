"""Import another system's readings: the same file again changes nothing, a corrected reading is a new version."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from herdbook.errors import ConfigurationError, FileFormatError
from herdbook.labels.animals import Animals
from herdbook.labels.cells import RowProblem
from herdbook.labels.quarantine import SetAside, quarantine_file, write_quarantine
from herdbook.labels.series.mapping import SeriesMapping, load_series_mapping
from herdbook.labels.series.readings import Reading, Series, read_series
from herdbook.lake import transaction
from herdbook.roster.rows import FARMS
from herdbook.roster.sheets import read_csv, read_xlsx
from herdbook.roster.versions import current_rows
from herdbook.settings import Settings

_TIME = pa.timestamp("us", tz="UTC")
_SAID = pa.schema(
    [(name, pa.string()) for name in ("reading_id", "animal_id", "farm_id", "source", "measure")]
    + [("starts_at", _TIME), ("ends_at", _TIME), ("value", pa.float64()), ("unit", pa.string())]
)


@dataclass(frozen=True)
class SeriesResult:
    """What an import did, in readings; ``quarantined`` in rows."""

    import_id: str
    added: int
    changed: int
    unchanged: int
    without_value: int
    """Of all readings: windows of which the system has no value."""
    quarantined: int
    quarantine: Path | None
    notes: tuple[str, ...]


def import_series(
    settings: Settings, path: Path, form: str, mapping: SeriesMapping | Path, *, now: datetime | None = None
) -> SeriesResult:
    """Import an export of readings.

    Args:
        settings: where lake and quarantine are.
        path: the export.
        form: csv or xlsx.
        mapping: what its columns mean, or the file that says so.
        now: when it reached us; the present when omitted.

    Raises:
        NotFoundError: a file is not there.
        ConfigurationError: the mapping is wrong, or names a farm that the roster does not.
        FileFormatError: the file cannot be read as csv or xlsx, or lacks columns.
    """
    mapping = load_series_mapping(mapping) if isinstance(mapping, Path) else mapping
    shape = mapping.file
    if form == "xlsx":
        sheet = read_xlsx(path, shape.sheet, header_row=shape.header_row)
    elif form == "csv":
        sheet = read_csv(path, delimiter=shape.delimiter, encoding=shape.encoding, header_row=shape.header_row)
    else:
        raise FileFormatError(f"readings are not imported from '{form}'", "Known formats are: csv, xlsx.")
    sheet.require(mapping.columns)
    digest = hashlib.sha256(path.read_bytes() + b"\0" + mapping.model_dump_json().encode()).hexdigest()
    import_id = f"{mapping.source}-{digest[:12]}"
    series, received_at = read_series(sheet, mapping), now or datetime.now(UTC)

    def work(lake: duckdb.DuckDBPyConnection) -> tuple[SeriesResult, list[SetAside]]:
        return _import(lake, series, mapping, import_id, received_at)

    result, aside = transaction.write(settings, work)
    file = quarantine_file(settings, import_id)
    write_quarantine(file, sheet.columns, aside)
    return replace(result, quarantine=file) if aside else result


def _import(
    lake: duckdb.DuckDBPyConnection, series: Series, mapping: SeriesMapping, import_id: str, received_at: datetime
) -> tuple[SeriesResult, list[SetAside]]:
    if (mapping.farm,) not in current_rows(lake, FARMS):
        raise ConfigurationError(
            f"the mapping names farm '{mapping.farm}', which the roster does not", "Import the farm's roster first."
        )
    aside = list(series.aside)
    said = _one_each(series.readings, Animals(lake, mapping.farm), mapping, aside)
    current = _current(lake, mapping)
    fresh = {i: row for i, row in said.items() if current.get(i) != row}
    _append(lake, list(fresh.values()), import_id, received_at)
    aside.sort(key=lambda a: a.row.number)
    known = len(fresh.keys() & current.keys())
    done = SeriesResult(
        import_id,
        added=len(fresh) - known,
        changed=known,
        unchanged=sum(reading.reading_id in said for reading in series.readings) - len(fresh),  # repeated rows, too
        without_value=sum(row["value"] is None for row in said.values()),
        quarantined=len({a.row.number for a in aside}),
        quarantine=None,
        notes=series.notes,
    )
    return done, aside


def _one_each(
    readings: Sequence[Reading], animals: Animals, mapping: SeriesMapping, aside: list[SetAside]
) -> dict[str, dict[str, Any]]:
    """One row per reading of a known animal; rows that contradict each other are set aside, none is preferred."""
    groups: dict[str, list[Reading]] = defaultdict(list)
    for reading in readings:
        groups[reading.reading_id].append(reading)
    said: dict[str, dict[str, Any]] = {}
    for reading_id, group in groups.items():
        if len({r.value for r in group}) > 1:
            rows = ", ".join(str(r.row.number) for r in group)
            aside += [SetAside(r.row, f"rows {rows} give one window different values") for r in group]
            continue
        try:
            said[reading_id] = _row(group[0], animals.meant_by(group[0]), mapping)
        except RowProblem as problem:
            aside += [SetAside(r.row, str(problem)) for r in group]
    return said


def _row(reading: Reading, animal_id: str, mapping: SeriesMapping) -> dict[str, Any]:
    return {
        "reading_id": reading.reading_id,
        "animal_id": animal_id,
        "farm_id": mapping.farm,
        "source": mapping.source,
        "measure": reading.measure,
        "starts_at": reading.occurred_from,
        "ends_at": reading.occurred_by,
        "value": reading.value,
        "unit": reading.unit,
    }


def _current(lake: duckdb.DuckDBPyConnection, mapping: SeriesMapping) -> dict[str, dict[str, Any]]:
    found = lake.execute(
        f"SELECT {', '.join(_SAID.names)} FROM sensor_reading WHERE source = ? AND farm_id = ?",  # noqa: S608 - ours
        [mapping.source, mapping.farm],
    ).to_arrow_table()
    return {row["reading_id"]: row for row in found.cast(_SAID).to_pylist()}


def _append(lake: duckdb.DuckDBPyConnection, rows: list[dict[str, Any]], import_id: str, received_at: datetime) -> None:
    if not rows:
        return
    last = lake.execute("SELECT max(received_at) FROM sensor.reading").fetchone()
    if last is not None and last[0] is not None:  # our clock may have been set back
        received_at = max(received_at, last[0] + timedelta(microseconds=1))
    lake.register("incoming_readings", pa.Table.from_pylist(rows, schema=_SAID))
    lake.execute(
        "INSERT INTO sensor.reading BY NAME"
        " SELECT *, ?::TIMESTAMPTZ AS received_at, ? AS import_id FROM incoming_readings",
        [received_at, import_id],
    )
    lake.unregister("incoming_readings")
