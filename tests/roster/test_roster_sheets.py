"""Tables as farms keep them: what is read, what is refused, and what is said about it."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.errors import FileFormatError, NotFoundError
from herdbook.roster import sheets
from herdbook.roster.sheets import as_text, read_csv, read_workbook, read_xlsx

words = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Z")), max_size=20)


@given(st.lists(st.tuples(words, words, words), max_size=8))
def test_what_a_csv_writer_wrote_is_read_back(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([("a", "b", "c"), *rows])
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    path.write_bytes(text.getvalue().encode())
    found = [tuple(row.cells.values()) for row in read_csv(path).rows]
    assert found == [tuple(cell or None for cell in row) for row in rows if any(row)]


def test_rows_are_numbered_as_an_editor_shows_them(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('made by a farm program\na,b\n1,"two\nlines"\n\n3,4\n', encoding="utf-8")
    assert [(r.number, r.cells["a"]) for r in read_csv(path, header_row=2).rows] == [(3, "1"), (6, "3")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_encodings_are_read_by_option(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("Stück;größe\nZoë;1,5\n".encode(encoding))
    sheet = read_csv(path, delimiter=";", encoding="utf-8-sig" if encoding == "utf-8" else encoding)
    assert sheet.columns == ("Stück", "größe")
    assert sheet.rows[0].cells == {"Stück": "Zoë", "größe": "1,5"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", r"t.csv is empty \(0 bytes\)"),
        (b"a,b\n\xff\xfe\n", "t.csv is not text in the encoding 'utf-8-sig'"),
        (b"a,b,a\n1,2,3\n", "t.csv, row 1: the column 'a' occurs twice"),
        (b"\n\n", "t.csv has no row 1 with the names of its columns|header is empty"),
        (b'a,b\n1,"open\n', "t.csv, row 2: not readable as CSV"),
        (b"a,b\n1," + b"x" * 200_000 + b"\n", "t.csv, row 2: not readable as CSV: field larger"),
        (b",".join(b"%d" % n for n in range(2000)), "2000 columns"),
    ],
    ids=["empty", "encoding", "duplicate", "headless", "unclosed", "huge cell", "wide"],
)
def test_a_file_that_is_no_table_is_refused_whole(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=says):
        read_csv(path)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("1,2,3", "the row has 3 cells, the header 2"),
        ("1", "the row has 1 cells, the header 2"),
        ("x" * 5000 + ",2", "a: the cell holds 5000 characters"),
        ("a\0b,2", "a: the cell holds 3 characters or a NUL"),
        ("#REF!,2", r"a: the spreadsheet's formula failed \(#REF!\)"),
    ],
)
def test_a_bad_row_says_what_is_wrong_and_spares_the_others(tmp_path: Path, line: str, says: str) -> None:
    import re

    path = tmp_path / "t.csv"
    path.write_text(f"a,b\n{line}\n5,6\n", encoding="utf-8")
    bad, good = read_csv(path).rows
    assert bad.problem is not None
    assert re.search(says, bad.problem)
    assert (good.problem, good.cells) == (None, {"a": "5", "b": "6"})


def test_a_missing_column_is_named_with_those_there_are(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(FileFormatError, match=r"t\.csv has no column 'c'; it has 'a', 'b'"):
        read_csv(path).require(["a", "c"])


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no file"):
        read_csv(tmp_path / "no.csv")


def workbook(path: Path, **tables: list[list[object]]) -> Path:
    """Write a workbook."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in tables.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_a_workbook_keeps_types_and_empty_rows_do_not_count(tmp_path: Path) -> None:
    when = datetime(2024, 5, 3)  # noqa: DTZ001 - as spreadsheets keep it
    path = workbook(tmp_path / "t.xlsx", one=[["a", "b"], [7045.0, when], [None, None], [" x ", None]], two=[["c"]])
    first, second = read_xlsx(path).rows
    assert first.cells == {"a": 7045.0, "b": when}
    assert as_text(first.cells["a"]) == "7045"
    assert (second.number, second.cells) == (4, {"a": "x", "b": None})
    assert set(read_workbook(path)) == {"one", "two"}
    with pytest.raises(FileFormatError, match="has no sheet 'three'; it has one, two"):
        read_xlsx(path, "three")


def test_rows_beyond_the_extent_that_the_workbook_states_are_read(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", s=[["a"], [1], [2], [3]])
    lying = tmp_path / "lying.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(lying, "w") as new:
        for item in old.infolist():
            content = old.read(item)
            if item.filename.endswith("sheet1.xml"):
                assert b'ref="A1:A4"' in content
                content = content.replace(b'ref="A1:A4"', b'ref="A1:A2"')
            new.writestr(item, content)
    assert [r.cells["a"] for r in read_xlsx(lying).rows] == [1, 2, 3]


def test_a_workbook_without_sheets_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty.xlsx"
    with zipfile.ZipFile(workbook(tmp_path / "t.xlsx", s=[["a"]])) as old, zipfile.ZipFile(empty, "w") as new:
        for item in old.infolist():
            content = re.sub(rb"<sheets>.*</sheets>", b"<sheets/>", old.read(item))
            new.writestr(item, content)
    for read in (read_xlsx, read_workbook):
        with pytest.raises(FileFormatError, match=r"empty\.xlsx is a workbook without a sheet"):
            read(empty)


def test_what_is_no_workbook_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = tmp_path / "text.xlsx"
    text.write_text("a,b\n1,2\n", encoding="utf-8")
    old = tmp_path / "old.xls"
    old.write_bytes(b"\xd0\xcf\x11\xe0" + b"\0" * 100)
    archive = tmp_path / "zip.xlsx"
    with zipfile.ZipFile(archive, "w") as stream:
        stream.writestr("hello.txt", "hello")
    cut = tmp_path / "cut.xlsx"
    cut.write_bytes(workbook(tmp_path / "whole.xlsx", s=[["a"], [1]]).read_bytes()[:-200])
    for path in (text, archive, cut):
        with pytest.raises(FileFormatError, match=f"{path.name} is not a readable .xlsx workbook"):
            read_xlsx(path)
    with pytest.raises(FileFormatError, match=r"old .xls workbook"):
        read_xlsx(old)
    monkeypatch.setattr(sheets, "MAX_UNPACKED_BYTES", 1000)
    with pytest.raises(FileFormatError, match="unpacks to more than 1000 bytes"):
        read_xlsx(tmp_path / "whole.xlsx")
    monkeypatch.setattr(sheets, "MAX_FILE_BYTES", 5)
    with pytest.raises(FileFormatError, match="more than 5"):
        read_csv(text)
