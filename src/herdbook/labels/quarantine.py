"""Rows that were set aside, as a CSV file with the reason beside each, ready to be corrected in the source."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from herdbook.contracts.durable import disk_full_is_said, write_durably
from herdbook.roster.sheets import Cell, Row, as_text
from herdbook.settings import Settings

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class SetAside:
    """A row and why it was not imported."""

    row: Row
    reason: str


def quarantine_file(settings: Settings, import_id: str) -> Path:
    """Where the rows that an import sets aside are written."""
    return settings.quarantine / "labels" / f"{import_id}.csv"


def write_quarantine(file: Path, columns: Sequence[str], rows: Sequence[SetAside]) -> None:
    """Write what was set aside; nothing set aside removes what an earlier run of the same import had written.

    Raises:
        DiskFullError: no space is left.
    """
    if not rows:
        file.unlink(missing_ok=True)
        return
    named = [c for c in columns if c]
    lines = [["row", "reason", *named]]
    lines += [[str(r.row.number), r.reason, *(as_text(r.row.cells.get(c)) or "" for c in named)] for r in rows]
    with disk_full_is_said(file):
        file.parent.mkdir(parents=True, exist_ok=True)
    write_durably(file, csv_text(lines).encode())


def csv_text(lines: Sequence[Sequence[Cell]]) -> str:
    """Lines as CSV that no spreadsheet program takes for formulas."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerows([[harmless(cell) for cell in line] for line in lines])
    return out.getvalue()


def harmless(cell: Cell) -> str:
    """A cell's text, with a quote before what a spreadsheet program would run as a formula (OWASP, CSV injection)."""
    text = as_text(cell) or ""
    if text.startswith(_FORMULA) and not _is_number(text):
        return "'" + text
    return text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
