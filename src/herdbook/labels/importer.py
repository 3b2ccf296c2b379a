"""Import a farm's labels: what cannot be understood is set aside with its reason, the rest lands in one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import duckdb

from herdbook.errors import FileFormatError
from herdbook.labels.cells import RowProblem
from herdbook.labels.facts import Fact, named_label, read_fact
from herdbook.labels.landing import ImportResult, Parsed, land
from herdbook.labels.mapping import Mapping, load_mapping
from herdbook.labels.quarantine import SetAside, quarantine_file, write_quarantine
from herdbook.lake import transaction
from herdbook.roster.sheets import Sheet, read_csv, read_xlsx
from herdbook.settings import Settings

Progress = Callable[[str, int, int], None]
_TOLD_EVERY = 1000


class LabelFormat(StrEnum):
    """Formats that labels are imported from."""

    CSV = "csv"
    XLSX = "xlsx"


def label_format(name: str) -> LabelFormat:
    """The format of that name.

    Raises:
        FileFormatError: labels are not imported from it.
    """
    try:
        return LabelFormat(name)
    except ValueError:
        known = ", ".join([*LabelFormat, "icar-ade"])  # which has a mapping and an importer of its own
        raise FileFormatError(f"labels are not imported from '{name}'", f"Known formats are: {known}.") from None


def import_labels(
    settings: Settings,
    path: Path,
    form: str,
    mapping: Mapping | Path,
    *,
    now: datetime | None = None,
    progress: Progress | None = None,
) -> ImportResult:
    """Import a file. Importing it again changes nothing; a corrected row becomes a new version of its label.

    Args:
        settings: where lake and quarantine are.
        path: the farm's export.
        form: csv or xlsx.
        mapping: what its columns mean, or the file that says so.
        now: when the file reached us; the present when omitted.
        progress: told what is being done, how many rows are done, and of how many.

    Raises:
        NotFoundError: a file is not there.
        ConfigurationError: the mapping is wrong, or names a farm that the roster does not.
        FileFormatError: the file cannot be read as csv or xlsx, or lacks columns.
        InputError: a full file holds no usable row, which would retract everything.
    """
    known_form = label_format(form)
    mapping = load_mapping(mapping) if isinstance(mapping, Path) else mapping
    received_at = now or datetime.now(UTC)
    tell = progress or _silent
    tell(f"reading {path.name}", 0, 0)
    sheet = read_sheet(path, known_form, mapping)
    import_id = _import_id(path, mapping)
    parsed = _parse(sheet, mapping, received_at, lambda done: tell("understanding rows", done, len(sheet.rows)))
    tell("writing labels", 0, 0)
    file = quarantine_file(settings, import_id)

    def work(lake: duckdb.DuckDBPyConnection) -> tuple[ImportResult, list[SetAside]]:
        return land(lake, parsed, mapping, import_id, received_at)

    result, aside = transaction.write(settings, work)
    write_quarantine(file, sheet.columns, aside)
    return replace(result, quarantine=file) if aside else result


def read_sheet(path: Path, form: LabelFormat, mapping: Mapping) -> Sheet:
    """The file's table, with every column that the mapping names.

    Raises:
        NotFoundError: there is no such file.
        FileFormatError: it cannot be read, or lacks columns.
    """
    shape = mapping.file
    if form is LabelFormat.XLSX:
        sheet = read_xlsx(path, shape.sheet, header_row=shape.header_row)
    else:
        sheet = read_csv(path, delimiter=shape.delimiter, encoding=shape.encoding, header_row=shape.header_row)
    sheet.require(mapping.columns)
    return sheet


def _import_id(path: Path, mapping: Mapping) -> str:
    """The same file under the same mapping has the same id, and so the same quarantine file."""
    content = path.read_bytes() + b"\0" + mapping.model_dump_json().encode()
    return f"{mapping.source}-{hashlib.sha256(content).hexdigest()[:12]}"


def _silent(_what: str, _done: int, _total: int) -> None:
    pass


def _parse(sheet: Sheet, mapping: Mapping, now: datetime, tell: Callable[[int], None]) -> Parsed:
    facts: list[Fact] = []
    aside: list[SetAside] = []
    mentioned: set[str] = set()
    unnamed = skipped = 0
    for done, row in enumerate(sheet.rows):
        if done % _TOLD_EVERY == 0:
            tell(done)
        named = named_label(row, mapping)
        mentioned |= {named} if named else set()
        try:
            fact = read_fact(row, mapping, now)
        except RowProblem as problem:
            aside.append(SetAside(row, str(problem)))
            unnamed += named is None
            continue
        if fact is None:
            skipped += 1
        else:
            facts.append(fact)
    advice = "the source id is not unique" if mapping.source_id else "name the columns that tell them apart: source_id"
    return Parsed(tuple(facts), tuple(aside), frozenset(mentioned), unnamed, skipped, advice)
