"""Farm records of any content: each row or message becomes a fact, is left out by the mapping's word, or is set aside
with its reason. Counted, the sum is what the file holds."""

from __future__ import annotations

import copy
import csv
import io
import json
import zipfile
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from openpyxl.utils.exceptions import IllegalCharacterError

from herdbook.errors import FileFormatError
from herdbook.labels.cells import RowProblem
from herdbook.labels.facts import Fact, named_label, read_fact
from herdbook.labels.icar.document import parse_document
from herdbook.labels.icar.facts import make_fact
from herdbook.labels.icar.importer import import_icar
from herdbook.labels.icar.mapping import IcarMapping
from herdbook.labels.icar.messages import Notes, name_of, read_message, shown
from herdbook.labels.icar.statements import statements
from herdbook.labels.importer import import_labels
from herdbook.labels.mapping import Mapping
from herdbook.labels.series.importer import import_series
from herdbook.labels.series.mapping import SeriesMapping
from herdbook.labels.series.readings import read_series
from herdbook.roster.importer import import_roster
from herdbook.roster.sheets import Sheet, read_csv, read_workbook, read_xlsx
from herdbook.settings import Settings
from support.fuzz import cases, ran, refused_or
from support.hostile import JUNK, places
from support.weights import WEIGHTS

NOW = datetime(2026, 6, 1, tzinfo=UTC)
MAPPING = Mapping.model_validate(
    {key: value for key, value in WEIGHTS.items() if key != "source_id"}
    | {
        "recorded_at": "written",
        "observer": "who",
        "planned": {"column": "plan", "values": ["yes"]},
        "retracted": {"column": "gone", "values": ["yes"]},
    }
)
COLUMNS = ("tag", "kg", "date", "written", "who", "plan", "gone")
COLLAR = SeriesMapping.model_validate(
    {
        "source": "collar",
        "farm": "hill",
        "timezone": "America/New_York",
        "animal": {"column": "tag"},
        "time": {"column": "date"},
        "hours": 2,
        "measures": {"activity": {"column": "kg"}},
    }
)
ICAR = IcarMapping.model_validate(
    {"source": "mro", "farm": "hill", "timezone": "Europe/Helsinki", "schemes": {"tag": "management"}}
)
MESSAGES: list[dict[str, Any]] = [
    {
        "resourceType": kind,
        "id": f"{kind}-1",
        "animal": {"scheme": "tag", "id": "101"},
        "eventDateTime": "2024-05-03T10:00:00Z",
        "meta": {"source": "x", "modified": "2024-05-04T10:00:00Z", "created": "2024-05-03T10:00:00Z"},
        **more,
    }
    for kind, more in {
        "WeightEvent": {"weight": {"measurement": 98.5, "units": "KGM"}},
        "DiagnosisEvent": {"diagnoses": [{"id": "1", "name": "Mastitis", "severity": "Light"}]},
        "TreatmentEvent": {"medicine": {"name": "M"}, "dose": {"doseQuantity": 2, "doseUnits": "MLT"}},
        "ReproPregnancyCheckEvent": {"result": "Pregnant"},
        "MovementDepartureEvent": {"departureReason": "Sale"},
        "GroupWeightEvent": {"animalSetId": "pen-1", "units": "KGM", "device": {}},
    }.items()
]

_DAYS = st.sampled_from(
    ["2024-05-03", "2024-05-03T14:30", "2024-03-31T01:30", "2024-10-27T01:30", "2024-05-03T10:00Z", "0001-01-01",
     "9999-12-31T23:59:59-14:00", "2027-01-01", "2024-02-30", "24:00", "2024-W01-1", "20240503"]
)  # fmt: skip
_NUMBERS = st.sampled_from(["98.5", "0", "-1", "1e400", "nan", "1_000", "١٢", "0x10", "98,5", "1e3", " 7 "])
_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=8)
_TAGS = st.sampled_from(["101", "102", "104", "999", "101.0", "x" * 600])
CELLS = {
    "tag": _TAGS | _TEXT,
    "kg": _NUMBERS | _TEXT,
    "date": _DAYS | _TEXT,
    "written": _DAYS | st.just("") | _TEXT,
    "who": _TEXT | st.just("Ann"),
    "plan": st.sampled_from(["", "yes", "no"]) | _TEXT,
    "gone": st.sampled_from(["", "yes", "no"]) | _TEXT,
}
ROWS = st.lists(st.tuples(*(CELLS[name] for name in COLUMNS)), max_size=6)


def as_csv(rows: list[tuple[str, ...]], quoting: int = csv.QUOTE_MINIMAL) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, quoting=quoting)  # type: ignore[arg-type]
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("labels")


@cases(short=100, nightly=5_000)
@given(rows=ROWS, quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_every_row_of_a_csv_file_is_a_fact_left_out_or_set_aside(
    place: Path, rows: list[tuple[str, ...]], quoting: int
) -> None:
    ran("labels: CSV rows")
    path = place / "given.csv"
    path.write_bytes(as_csv(rows, quoting))
    sheet = read_csv(path)
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    assert len(sheet.rows) == len(filled), "no row is lost, and none is made up"
    judged(sheet)


@cases(short=100, nightly=4_000)
@given(
    raw=st.binary(max_size=60), cut=st.integers(0, 200), encoding=st.sampled_from(["utf-8-sig", "utf-16", "latin-1"])
)
def test_any_bytes_as_csv(place: Path, raw: bytes, cut: int, encoding: str) -> None:
    ran("labels: any bytes as CSV")
    path = place / "given.csv"
    whole = as_csv([("101", "98.5", "2024-05-03", "", "Ann", "", "")] * 3)
    path.write_bytes(whole[:cut] + raw + whole[cut:])
    sheet = refused_or(lambda: read_csv(path, encoding=encoding))
    if sheet is not None and set(COLUMNS) <= set(sheet.columns):
        judged(sheet)


XLSX_CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=6),
    st.datetimes(min_value=datetime(1900, 3, 1), max_value=datetime(9999, 12, 31)),  # noqa: DTZ001 - as sheets hold them
    st.dates(min_value=date(1900, 3, 1)),
    st.times(),
    st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=400)),
    st.sampled_from(["#N/A", "=1/0", "=A1", "101", 101, 101.0, 98.5, "2024-05-03", time(12)]),
)


@cases(short=25, nightly=2_000)
@given(rows=st.lists(st.tuples(*[XLSX_CELLS] * len(COLUMNS)), max_size=5))
def test_every_row_of_a_spreadsheet(place: Path, rows: list[tuple[Any, ...]]) -> None:
    ran("labels: spreadsheets")
    path = place / "given.xlsx"
    written(path, rows)
    sheet = refused_or(lambda: read_xlsx(path))
    assert sheet is not None
    judged(sheet)


@cases(short=25, nightly=2_000)
@given(data=st.data())
def test_a_damaged_spreadsheet(place: Path, data: st.DataObject) -> None:
    ran("labels: damaged spreadsheets")
    path = place / "given.xlsx"
    path.write_bytes(SPREADSHEET)
    if data.draw(st.booleans()):
        raw = bytearray(SPREADSHEET)
        for _ in range(data.draw(st.integers(1, 6))):
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(bytes(raw))
    else:  # a sound archive of unsound parts
        with zipfile.ZipFile(path) as book:
            parts = {name: book.read(name) for name in book.namelist()}
        name = data.draw(st.sampled_from(sorted(parts)))
        at = data.draw(st.integers(0, len(parts[name])))
        parts[name] = parts[name][:at] + data.draw(st.binary(max_size=10)) + parts[name][at + 3 :]
        with zipfile.ZipFile(path, "w") as book:
            for each, content in parts.items():
                book.writestr(each, content)
    refused_or(lambda: read_workbook(path))
    sheet = refused_or(lambda: read_xlsx(path))
    if sheet is not None and set(COLUMNS) <= set(sheet.columns):
        judged(sheet)


@cases(short=100, nightly=5_000)
@given(rows=ROWS)
def test_every_row_of_a_collars_export_is_a_reading_or_set_aside(place: Path, rows: list[tuple[str, ...]]) -> None:
    ran("labels: collar exports")
    path = place / "given.csv"
    path.write_bytes(as_csv(rows))
    sheet = read_csv(path)
    found = read_series(sheet, COLLAR)
    numbers = [reading.row.number for reading in found.readings] + [aside.row.number for aside in found.aside]
    assert sorted(numbers) == [row.number for row in sheet.rows], "each once"
    assert all(aside.reason for aside in found.aside)


@cases(short=150, nightly=8_000)
@given(data=st.data())
def test_every_icar_message_is_understood_or_set_aside(data: st.DataObject) -> None:
    ran("labels: ICAR messages")
    understood(parse_document(json.dumps(spoilt(data)).encode(), "given").messages)


@cases(short=100, nightly=4_000)
@given(data=st.data())
def test_any_bytes_as_icar_messages(data: st.DataObject) -> None:
    ran("labels: any bytes as ICAR JSON")
    raw = json.dumps({"member": MESSAGES[:2]}).encode()
    at = data.draw(st.integers(0, len(raw)))
    odd = st.sampled_from([b"[" * 5000, b"NaN", b"1e999", b"\xff", b'"\\ud800"', b"9" * 5000]) | st.binary(max_size=8)
    document = refused_or(lambda: parse_document(raw[:at] + data.draw(odd) + raw[at + 1 :], "given"))
    if document is not None:
        understood(document.messages)


@pytest.fixture(scope="module")
def herd(lake_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A lake with a herd that imports go into, one after the other."""
    import shutil

    home = tmp_path_factory.mktemp("fuzz") / "home"
    shutil.copytree(lake_template, home)
    roster = home.parent / "roster"
    roster.mkdir()
    (roster / "farms.csv").write_text("farm_id,name,timezone\nhill,Hill Farm,Europe/London\n")
    (roster / "animals.csv").write_text("animal_id,farm_id,species\nA1,hill,pig\nA2,hill,pig\n")
    tags = "A1,hill,management,101,2023-12-01,\nA2,hill,management,102,2023-12-01,\n"
    (roster / "identifiers.csv").write_text(f"animal_id,farm_id,scheme,identifier,valid_from,valid_to\n{tags}")
    settings = Settings(home=home)
    import_roster(settings, roster)
    return settings


@pytest.mark.slow
@cases(short=4, nightly=250)
@given(rows=ROWS)
def test_imported_the_sum_is_what_the_file_holds(herd: Settings, place: Path, rows: list[tuple[str, ...]]) -> None:
    ran("labels: imports into the lake")
    path = place / "given.csv"
    path.write_bytes(as_csv(rows))
    held = len(read_csv(path).rows)
    done = import_labels(herd, path, "csv", MAPPING, now=NOW)
    counted = done.added + done.changed + done.retracted + done.unchanged + done.skipped + done.quarantined
    assert counted == held
    again = import_labels(herd, path, "csv", MAPPING, now=NOW)
    assert (again.added, again.changed, again.retracted) == (0, 0, 0)
    assert again.quarantined == done.quarantined
    collar = import_series(herd, path, "csv", COLLAR, now=NOW)
    assert collar.added + collar.changed + collar.unchanged + collar.quarantined == held


@pytest.mark.slow
@cases(short=4, nightly=250)
@given(data=st.data())
def test_imported_every_message_is_kept_or_set_aside(herd: Settings, place: Path, data: st.DataObject) -> None:
    ran("labels: imports of ICAR messages into the lake")
    path = place / "given.json"
    path.write_text(json.dumps({"member": spoilt(data)}))
    done = import_icar(herd, path, ICAR, now=NOW)
    given_ = parse_document(path.read_bytes(), "given").messages
    named = [name_of(message, ICAR) for message in given_]
    assert done.messages + done.same + done.deleted + done.quarantined + done.skipped >= len(set(named) - {None})
    again = import_icar(herd, path, ICAR, now=NOW)
    assert (again.messages, again.added, again.changed) == (0, 0, 0)
    assert again.quarantined == done.quarantined


def spoilt(data: st.DataObject) -> list[Any]:
    """Messages with something else in some places."""
    given_: list[Any] = copy.deepcopy(data.draw(st.lists(st.sampled_from(MESSAGES), min_size=1, max_size=3)))
    for _ in range(data.draw(st.integers(1, 3))):
        found = places(given_)
        if found:
            where, key = data.draw(st.sampled_from(found))
            where[key] = data.draw(JUNK | st.sampled_from(["2024-05-03", -1, 1e308, "KGM", True]))
    return json.loads(json.dumps(given_).replace("NaN", "null").replace("-Infinity", "-1").replace("Infinity", "1"))  # type: ignore[no-any-return]


def understood(messages: tuple[Any, ...]) -> None:
    """Every message is read, with the facts it states, or there is a reason."""
    notes = Notes()
    for number, message in enumerate(messages, start=1):
        assert shown(message, number).number == number
        try:
            kept = read_message(message, number, ICAR, notes)
            facts = [make_fact(one, kept, ICAR, NOW, notes) for one in statements(kept.kind, kept.message, {}, [])]
        except RowProblem as problem:
            reason = str(problem)
            assert reason
            reason.encode("utf-8")
        else:
            assert all(fact is None or sound(fact) for fact in facts)


def judged(sheet: Sheet) -> None:
    """Every row is a fact, is left out, or has a reason; reasons are one line."""
    for row in sheet.rows:
        named_label(row, MAPPING)
        try:
            fact = read_fact(row, MAPPING, NOW)
        except RowProblem as problem:
            reason = str(problem)
            assert reason
        else:
            assert fact is None or sound(fact)


def sound(fact: Fact) -> bool:
    """What every fact is, whatever it was made from."""
    number = fact.value_number
    return (
        fact.occurred_from <= fact.occurred_by and fact.occurred_from <= NOW and (number is None or abs(number) < 1e309)
    )


def written(path: Path, rows: list[tuple[Any, ...]]) -> None:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Sheet")
    try:
        for row in [COLUMNS, *rows]:
            sheet.append(row)
    except (IllegalCharacterError, ValueError):  # no spreadsheet program can write it either
        assume(condition=False)
    book.save(path)


def _spreadsheet() -> bytes:
    book = openpyxl.Workbook()
    for row in [COLUMNS, *[(101, 98.5, "2024-05-03", None, "Ann", None, None)] * 3]:
        book.active.append(row)  # type: ignore[union-attr]
    held = io.BytesIO()
    book.save(held)
    return held.getvalue()


SPREADSHEET = _spreadsheet()


def test_a_file_that_is_none_at_all(place: Path) -> None:
    (place / "empty.csv").write_bytes(b"")
    with pytest.raises(FileFormatError, match="empty"):
        read_csv(place / "empty.csv")
