"""Import a roster: every row valid and consistent with the lake, or nothing; the same file again changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from pydantic import ValidationError

from herdbook.contracts.camera import Contract
from herdbook.errors import FileFormatError, InputError, NotFoundError
from herdbook.lake import transaction
from herdbook.roster import checks
from herdbook.roster.checks import Record, Roster
from herdbook.roster.moments import earliest
from herdbook.roster.rows import ANIMALS, CAMERAS, PEN_STAYS, TABLES, RosterTable
from herdbook.roster.sheets import Row, Sheet, read_csv, read_workbook
from herdbook.roster.versions import append_versions, current_rows, key_of, same_values
from herdbook.settings import Settings

SHOWN_PROBLEMS = 20


@dataclass(frozen=True)
class TableImport:
    """What an import did to one table, in rows."""

    table: str
    added: int
    changed: int
    retracted: int
    unchanged: int


@dataclass(frozen=True)
class _ValidRow:
    where: str
    row: Contract


_Valid = dict[str, list[_ValidRow]]


def import_roster(
    settings: Settings, path: Path, *, retract_missing: bool = False, now: datetime | None = None
) -> list[TableImport]:
    """Import a folder of CSV files or one workbook; a subset of the tables is enough.

    Days without a time mean their start on the farm: ``valid_to`` is the first moment at which a row no longer holds.

    Args:
        settings: where the lake is.
        path: folder with ``farms.csv``, ``pens.csv``, …, or an .xlsx with sheets of these names.
        retract_missing: retract rows of the given tables that the files no longer list.
        now: when this became known; the present when omitted.

    Raises:
        NotFoundError: nothing is there.
        FileFormatError: a file cannot be read, or lacks columns.
        InputError: rows are wrong or contradict each other or the lake; the message lists them, nothing was imported.
    """
    sheets = read_sheets(path)
    valid = validate(sheets)
    moment = now or datetime.now(UTC)

    def work(lake: duckdb.DuckDBPyConnection) -> list[TableImport]:
        return _import(lake, valid, retract_missing=retract_missing, source=path.name, now=moment)

    return transaction.write(settings, work)


def read_sheets(path: Path) -> dict[str, Sheet]:
    """The roster tables in a folder or workbook, by name.

    Raises:
        NotFoundError: nothing is there.
        FileFormatError: a table's name or columns are not those of a roster.
    """
    if path.is_dir():
        sheets = {file.stem: read_csv(file) for file in sorted(path.glob("*.csv"))}
    elif path.is_file() and path.suffix.lower() == ".csv":
        sheets = {path.stem: read_csv(path)}
    else:
        sheets = read_workbook(path)
    known = {t.name: t for t in TABLES}
    if not sheets:
        raise NotFoundError(f"{path} holds no roster table", f"Name them {', '.join(f'{t}.csv' for t in known)}.")
    for name, sheet in sheets.items():
        if name not in known:
            raise FileFormatError(f"{sheet.origin}: '{name}' is no roster table", f"Known are: {', '.join(known)}.")
        sheet.require(known[name].required)
        surplus = [c for c in sheet.columns if c not in known[name].columns]
        if surplus:
            raise FileFormatError(
                f"{sheet.origin} has a column {', '.join(map(repr, surplus))} that is not known",
                f"The columns of {name} are: {', '.join(known[name].columns)}.",
            )
    return sheets


def validate(sheets: dict[str, Sheet]) -> _Valid:
    """Rows of each table, each valid by itself.

    Raises:
        InputError: some are not; the message lists them.
    """
    valid: _Valid = {}
    problems: list[str] = []
    for table in TABLES:
        if table.name not in sheets:
            continue
        valid[table.name] = []
        for row in sheets[table.name].rows:
            where = f"{sheets[table.name].origin}, row {row.number}"
            try:
                valid[table.name].append(_ValidRow(where, _validate_row(table, row)))
            except ValidationError as error:
                problems += [f"{where}, {_column(p['loc'])}: {_message(p)}" for p in error.errors()]
            except ValueError as error:
                problems.append(f"{where}: {error}")
    _refuse(problems)
    return valid


def _validate_row(table: RosterTable, row: Row) -> Contract:
    if row.problem is not None:
        raise ValueError(row.problem)
    given = {c: v for c, v in row.cells.items() if v is not None}
    return table.row.model_validate(given)


def _column(location: tuple[int | str, ...]) -> str:
    return str(location[0]) if location else "row"


def _message(problem: Any) -> str:
    if problem["type"] == "missing":
        return "is empty"
    text = str(problem["msg"]).removeprefix("Value error, ")
    return text if str(problem["input"]) in text else f"'{problem['input']}': {text}"


def _import(
    lake: duckdb.DuckDBPyConnection, valid: _Valid, *, retract_missing: bool, source: str, now: datetime
) -> list[TableImport]:
    current = {t.name: current_rows(lake, t) for t in TABLES}
    roster: Roster = {
        name: {key: Record("recorded earlier", values) for key, values in rows.items()}
        for name, rows in current.items()
    }
    given: Roster = {}
    problems: list[str] = []
    for table in TABLES:
        if table.name not in valid:
            continue
        given[table.name] = {}
        for item in valid[table.name]:
            try:
                record = _exact(table, item, roster)
            except ValueError as error:
                problems.append(f"{item.where}: {error}")
                continue
            key = key_of(table, record.values)
            if key in given[table.name]:
                problems.append(f"{given[table.name][key].where} and {item.where}: the same row twice ({_shown(key)})")
            given[table.name][key] = record
        if retract_missing:
            roster[table.name] = dict(given[table.name])
        else:
            roster[table.name].update(given[table.name])
    problems += checks.problems(roster)
    problems += checks.still_named(lake, current[ANIMALS.name].keys() - roster[ANIMALS.name].keys())
    _refuse(problems)
    done = []
    for table in (t for t in TABLES if t.name in given):
        before, after = current[table.name], given[table.name]
        added = [r.values for k, r in after.items() if k not in before]
        changed = [r.values for k, r in after.items() if k in before and not same_values(table, r.values, before[k])]
        gone = [v for k, v in before.items() if k not in after] if retract_missing else []
        versions = [(v, False) for v in added + changed] + [(v, True) for v in gone]
        append_versions(lake, table, versions, source=source, now=now)
        unchanged = len(after) - len(added) - len(changed)
        done.append(TableImport(table.name, len(added), len(changed), len(gone), unchanged))
    return done


def _exact(table: RosterTable, item: _ValidRow, roster: Roster) -> Record:
    """A row with its times in UTC, by the clock of the farm it belongs to."""
    values = {c: getattr(item.row, c) for c in table.columns}
    for column in ("valid_from", "valid_to"):
        if values.get(column) is not None:
            values[column] = earliest(values[column], _timezone(table, values, roster))
    return Record(item.where, values)


def _timezone(table: RosterTable, values: dict[str, Any], roster: Roster) -> str:
    farm_id = values.get("farm_id")
    if table in (CAMERAS, PEN_STAYS):
        pen = roster["pens"].get((values["pen_id"],))
        farm_id = None if pen is None else pen["farm_id"]
    farm = roster["farms"].get((farm_id,))
    return "UTC" if farm is None else str(farm["timezone"])  # a missing farm is reported by the checks


def _shown(key: tuple[Any, ...]) -> str:
    return ", ".join(str(part) for part in key)


def _refuse(problems: list[str]) -> None:
    if problems:
        raise InputError("the roster was not imported:\n" + "\n".join(_first(problems)))


def _first(problems: list[str]) -> Iterator[str]:
    yield from (f"  {p}" for p in problems[:SHOWN_PROBLEMS])
    if len(problems) > SHOWN_PROBLEMS:
        yield f"  … and {len(problems) - SHOWN_PROBLEMS} more"
