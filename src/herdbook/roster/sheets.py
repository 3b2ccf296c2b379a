"""Tables as farms keep them: CSV files and .xlsx sheets, read into rows that know their number in the file.

A file that cannot be read as what it claims to be is refused whole; a single bad row carries its ``problem`` instead,
so that the caller can refuse or quarantine it.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from herdbook.contracts.validation import one_line
from herdbook.errors import FileFormatError, NotFoundError

if TYPE_CHECKING:
    from openpyxl.workbook import Workbook

Cell = str | int | float | bool | datetime | date | time | None
"""What a cell may hold; empty text is None."""

MAX_FILE_BYTES = 256 * 1024 * 1024
MAX_UNPACKED_BYTES = 1024 * 1024 * 1024
"""An .xlsx is a zip archive: a small one may unpack to more than memory holds."""
MAX_CELL_CHARACTERS = 4096
MAX_COLUMNS = 1024
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True)
class Row:
    """One row of a sheet.

    ``number`` is what a person sees: the row's first line in a text editor, or its row in the spreadsheet program.
    """

    number: int
    cells: dict[str, Cell]
    problem: str | None = None
    """Why the row cannot be used, or none."""


@dataclass(frozen=True)
class Sheet:
    """A table with a header."""

    origin: str
    """File name, and the sheet's name where there are several: how messages call it."""
    columns: tuple[str, ...]
    rows: tuple[Row, ...] = field(repr=False)

    def require(self, columns: Sequence[str]) -> None:
        """Check that columns are there.

        Raises:
            FileFormatError: some are missing; the message names them and what there is.
        """
        missing = [c for c in columns if c not in self.columns]
        if missing:
            raise FileFormatError(
                f"{self.origin} has no column {', '.join(repr(c) for c in missing)}; it has "
                f"{', '.join(repr(c) for c in self.columns)}"
            )


def as_text(cell: Cell) -> str | None:
    """A cell as the text a person reads: ``7045.0`` of a spreadsheet is ``7045``, surrounding blanks go."""
    if cell is None:
        return None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    return str(cell).strip() or None


def read_csv(path: Path, *, delimiter: str = ",", encoding: str = "utf-8-sig", header_row: int = 1) -> Sheet:
    """Read a CSV file (RFC 4180, any line ending).

    Args:
        path: the file.
        delimiter: one character between cells.
        encoding: of the text; ``utf-8-sig`` is UTF-8 with or without its mark.
        header_row: the row, from 1, that names the columns; rows before it are ignored.

    Raises:
        NotFoundError: there is no such file.
        FileFormatError: it is empty, not text in this encoding, or has no usable header.
    """
    _check_file(path)
    try:
        text = path.read_bytes().decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise FileFormatError(
            f"{path.name} is not text in the encoding '{encoding}': {error}",
            "Export it as UTF-8, or say its encoding, for example latin-1 or utf-16.",
        ) from error
    return _sheet(path.name, _csv_lines(path.name, text, delimiter), header_row, short_is_fine=False)


def _csv_lines(origin: str, text: str, delimiter: str) -> Iterator[tuple[int, list[Cell]]]:
    # StringIO splits at line ends only; str.splitlines would also split at form feeds and the like inside a cell
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 1
    try:
        for line in reader:
            yield number, [cell.strip() or None for cell in line]
            number = reader.line_num + 1
    except csv.Error as error:
        raise FileFormatError(f"{origin}, row {number}: not readable as CSV: {error}") from error


def read_xlsx(path: Path, sheet: str | None = None, *, header_row: int = 1) -> Sheet:
    """Read one sheet of a workbook: the named one, or the first.

    Raises:
        NotFoundError: there is no such file.
        FileFormatError: it is no .xlsx workbook, lacks the sheet, or has no usable header.
    """
    book = _open_workbook(path)
    try:
        names = book.sheetnames
        if sheet is not None and sheet not in names:
            raise FileFormatError(f"{path.name} has no sheet '{sheet}'; it has {', '.join(names)}")
        return _workbook_sheet(book, path, sheet or names[0], header_row)
    finally:
        book.close()


def read_workbook(path: Path) -> dict[str, Sheet]:
    """Read every sheet of a workbook, headers in row 1; sheets without any cell are left out.

    Raises:
        NotFoundError: there is no such file.
        FileFormatError: it is no .xlsx workbook, or a sheet has no usable header.
    """
    book = _open_workbook(path)
    try:
        with _damage_said(path.name):
            filled = [name for name in book.sheetnames if any(True for _ in _workbook_lines(book, path.name, name))]
        return {name: _workbook_sheet(book, path, name, 1) for name in filled}
    finally:
        book.close()


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise NotFoundError(f"there is no file {path}", "Check the path.")
    size = path.stat().st_size
    if size == 0:
        raise FileFormatError(f"{path.name} is empty (0 bytes)")
    if size > MAX_FILE_BYTES:
        raise FileFormatError(f"{path.name} has {size} bytes, more than {MAX_FILE_BYTES}", "Split the file.")


def _open_workbook(path: Path) -> Workbook:
    import openpyxl

    _check_file(path)
    with path.open("rb") as stream:
        if stream.read(4) == _OLD_EXCEL or path.suffix.lower() == ".xls":
            raise FileFormatError(f"{path.name} is an old .xls workbook, which is not read", "Save it as .xlsx or CSV.")
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > MAX_UNPACKED_BYTES:
                raise FileFormatError(f"{path.name} unpacks to more than {MAX_UNPACKED_BYTES} bytes", "Split the file.")
        book = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
        if not book.sheetnames:
            raise FileFormatError(f"{path.name} is a workbook without a sheet")
        return book
    except FileFormatError:
        raise
    except Exception as error:  # openpyxl lets whatever its XML and zip readers raise through
        raise FileFormatError(f"{path.name} is not a readable .xlsx workbook: {one_line(error)}") from error


def _workbook_sheet(book: Workbook, path: Path, name: str, header_row: int) -> Sheet:
    origin = path.name if len(book.sheetnames) == 1 else f"{path.name}[{name}]"
    with _damage_said(origin):
        return _sheet(origin, _workbook_lines(book, origin, name), header_row, short_is_fine=True)


@contextmanager
def _damage_said(origin: str) -> Iterator[None]:
    """Damage inside a sheet shows only while it is read, as whatever the readers of XML and zip raise."""
    try:
        yield
    except FileFormatError:
        raise
    except Exception as error:
        raise FileFormatError(f"{origin} is damaged: {one_line(error)}") from error


def _workbook_lines(book: Workbook, origin: str, name: str) -> Iterator[tuple[int, list[Cell]]]:
    worksheet: Any = book[name]
    if not hasattr(worksheet, "reset_dimensions"):
        raise FileFormatError(f"{origin} is a chart, not a table")
    worksheet.reset_dimensions()  # some programs write a wrong extent, and rows beyond it would be lost silently
    for number, line in enumerate(worksheet.iter_rows(), start=1):
        cells: list[Cell] = []
        for cell in line:
            value = cell.value
            cells.append((value.strip() or None) if isinstance(value, str) else value)
        while cells and cells[-1] is None:
            cells.pop()
        if cells:
            yield number, cells


def _sheet(origin: str, lines: Iterator[tuple[int, list[Cell]]], header_row: int, *, short_is_fine: bool) -> Sheet:
    columns: tuple[str, ...] | None = None
    rows: list[Row] = []
    for number, cells in lines:
        if number < header_row:
            continue
        if columns is None:
            columns = _header(origin, number, cells)
        elif any(cell is not None for cell in cells):
            rows.append(_row(number, cells, columns, short_is_fine=short_is_fine))
    if columns is None:
        raise FileFormatError(f"{origin} has no row {header_row} with the names of its columns")
    return Sheet(origin, columns, tuple(rows))


def _header(origin: str, number: int, cells: list[Cell]) -> tuple[str, ...]:
    names = [as_text(cell) or "" for cell in cells]
    if not any(names):
        raise FileFormatError(f"{origin}, row {number}: the header is empty")
    if len(names) > MAX_COLUMNS:
        raise FileFormatError(f"{origin}, row {number}: {len(names)} columns, more than {MAX_COLUMNS}")
    twice = sorted({n for n in names if n and names.count(n) > 1})
    if twice:
        raise FileFormatError(f"{origin}, row {number}: the column {', '.join(map(repr, twice))} occurs twice")
    return tuple(names)


def _row(number: int, cells: list[Cell], columns: tuple[str, ...], *, short_is_fine: bool) -> Row:
    found = {name: cell for name, cell in zip(columns, cells, strict=False) if name}
    problem = None
    if len(cells) > len(columns) or (len(cells) < len(columns) and not short_is_fine):
        problem = f"the row has {len(cells)} cells, the header {len(columns)}"
    for name, cell in found.items():
        if isinstance(cell, str) and (len(cell) > MAX_CELL_CHARACTERS or "\0" in cell):
            problem = f"{name}: the cell holds {len(cell)} characters or a NUL, at most {MAX_CELL_CHARACTERS} are read"
            found[name] = cell[:64].replace("\0", "") + "…"
        elif isinstance(cell, str) and cell.startswith("#") and cell in _EXCEL_ERRORS:
            problem = f"{name}: the spreadsheet's formula failed ({cell})"
    return Row(number, {name: found.get(name) for name in columns if name}, problem)


_EXCEL_ERRORS = {"#REF!", "#N/A", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!"}
