"""A roster is imported whole or not at all, and the same roster twice is the same as once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest

from herdbook.errors import FileFormatError, InputError, NotFoundError, NotInitialisedError
from herdbook.labels.importer import import_labels
from herdbook.labels.mapping import Mapping
from herdbook.roster.importer import import_roster
from herdbook.settings import Settings
from support.queries import lake_rows

ROSTER = {
    "farms": "farm_id,name,timezone\nhill,Hill Farm,Europe/London\n",
    "pens": "pen_id,farm_id,name,area_m2\np1,hill,North,24.5\np2,hill,South,\n",
    "devices": "device_id,farm_id,sku\nbarn-1,hill,orin-nx-16\n",
    "cameras": "camera_id,pen_id,device_id,disjoint_from,valid_from,valid_to\n"
    "c1,p1,barn-1,c2;c3,2024-01-01,\nc2,p1,barn-1,,2024-01-01,\nc3,p2,barn-1,,2024-01-01T08:00Z,\n",
    "animals": "animal_id,farm_id,species,sex,born_on\nA1,hill,pig,female,2023-11-30\nA2,hill,pig,,\n",
    "identifiers": "animal_id,farm_id,scheme,identifier,valid_from,valid_to\n"
    "A1,hill,management,007,2024-01-01,2024-03-01\nA2,hill,management,007,2024-03-01,\n",
    "pen_stays": "animal_id,pen_id,valid_from,valid_to\nA1,p1,2024-01-01,2024-06-01\nA2,p1,2024-01-01,\n",
}
Imported = Callable[..., list[tuple[str, int, int, int, int]]]


@pytest.fixture
def settings(empty_lake: Settings) -> Settings:
    """An empty lake."""
    return empty_lake


@pytest.fixture
def imported(settings: Settings, tmp_path: Path) -> Imported:
    """Import ROSTER with some tables replaced, or only those."""

    def run(
        *, retract_missing: bool = False, only: bool = False, **tables: str
    ) -> list[tuple[str, int, int, int, int]]:
        folder = write_tables(tmp_path / "roster", tables if only else {**ROSTER, **tables})
        done = import_roster(settings, folder, retract_missing=retract_missing)
        return [(t.table, t.added, t.changed, t.retracted, t.unchanged) for t in done]

    return run


def write_tables(folder: Path, tables: dict[str, str]) -> Path:
    """A folder of these tables and no others."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def untouched(lake_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A lake that several imports leave empty."""
    home = tmp_path_factory.mktemp("untouched") / "home"
    shutil.copytree(lake_template, home)
    settings = Settings(home=home)
    yield settings
    assert lake_rows(settings, "SELECT count(*) FROM roster.farm") == [(0,)]


def test_every_table_arrives_with_days_as_their_start_on_the_farm(settings: Settings, imported: Imported) -> None:
    assert [(t[0], t[1]) for t in imported()] == [
        ("farms", 1), ("pens", 2), ("devices", 1), ("cameras", 3), ("animals", 2), ("identifiers", 2), ("pen_stays", 2)
    ]  # fmt: skip
    assert lake_rows(settings, "SELECT area_m2 FROM roster.pen ORDER BY pen_id") == [(24.5,), (None,)]
    assert lake_rows(settings, "SELECT disjoint_from FROM roster.camera WHERE camera_id = 'c1'") == [(["c2", "c3"],)]
    assert lake_rows(settings, "SELECT identifier FROM roster.animal_identifier LIMIT 1") == [("007",)]
    [(left, entered)] = lake_rows(settings, "SELECT valid_to, valid_from FROM roster.pen_stay WHERE animal_id = 'A1'")
    assert left == datetime(2024, 5, 31, 23, tzinfo=UTC), "midnight of British summer time"
    assert entered == datetime(2024, 1, 1, tzinfo=UTC)


def test_the_same_roster_again_changes_nothing(settings: Settings, imported: Imported) -> None:
    imported()
    before = lake_rows(settings, "SELECT count(*) FROM roster.pen_stay")
    assert all((added, changed, retracted) == (0, 0, 0) for _, added, changed, retracted, _ in imported())
    assert lake_rows(settings, "SELECT count(*) FROM roster.pen_stay") == before


def test_a_stay_is_closed_by_a_new_version_and_the_old_one_is_kept(settings: Settings, imported: Imported) -> None:
    imported()
    closed = "animal_id,pen_id,valid_from,valid_to\nA2,p1,2024-01-01,2024-02-01\nA2,p2,2024-02-01,\n"
    assert imported(only=True, pen_stays=closed) == [("pen_stays", 1, 1, 0, 0)]
    found = lake_rows(settings, "SELECT valid_to IS NULL FROM roster.pen_stay WHERE animal_id = 'A2' AND pen_id = 'p1' "
                           "ORDER BY recorded_at")  # fmt: skip
    assert found == [(True,), (False,)]


def test_rows_that_are_no_longer_listed_are_retracted_on_request_only(settings: Settings, imported: Imported) -> None:
    imported()
    fewer = "animal_id,pen_id,valid_from,valid_to\nA2,p1,2024-01-01,\n"
    assert imported(only=True, pen_stays=fewer) == [("pen_stays", 0, 0, 0, 1)]
    assert imported(only=True, retract_missing=True, pen_stays=fewer) == [("pen_stays", 0, 0, 1, 1)]
    assert imported(only=True, pen_stays=ROSTER["pen_stays"]) == [("pen_stays", 1, 0, 0, 1)], "and may come back"


def test_a_version_is_later_than_all_before_it_even_if_the_clock_was_set_back(
    settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "farms.csv"
    for year, name in ((2030, "Old"), (2020, "New")):
        file.write_text(f"farm_id,name,timezone\nhill,{name},UTC\n", encoding="utf-8")
        import_roster(settings, file, now=datetime(year, 1, 1, tzinfo=UTC))
    assert lake_rows(settings, "SELECT name FROM roster.farm ORDER BY recorded_at DESC LIMIT 1") == [("New",)]


def test_a_workbook_says_the_same_as_the_folder(settings: Settings, imported: Imported, tmp_path: Path) -> None:
    imported()
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, text in ROSTER.items():
        sheet = book.create_sheet(name)
        for line in text.splitlines():
            sheet.append([cell or None for cell in line.split(",")])
    book["pen_stays"]["C2"] = datetime(2024, 1, 1)  # noqa: DTZ001 - a date cell, as spreadsheets keep it
    book["pens"]["D2"] = 24.5
    path = tmp_path / "roster.xlsx"
    book.save(path)
    assert all(t.added == t.changed == 0 for t in import_roster(settings, path))


REFUSED = [
    ({"pens": "pen_id,farm_id,name\np1,dale,North\np2,hill,South\n"}, "pens.csv, row 2: farm_id 'dale'"),
    ({"pens": "pen_id,farm_id,name,area_m2\nP 1,hill,North,-3\np2,hill,S,1\n"}, "pens.csv, row 2, area_m2: '-3'"),
    ({"animals": "animal_id,farm_id,species,sex\nA1,hill,pig,mare\nA2,hill,pig,\n"}, "row 2, sex: 'mare'"),
    ({"animals": "animal_id,farm_id,species\nA1,hill,\nA2,hill,pig\n"}, "animals.csv, row 2, species: is empty"),
    ({"farms": "farm_id,name,timezone\nhill,Hill,Mars/Olympus\n"}, "'Mars/Olympus' is not a time zone"),
    ({"pen_stays": "animal_id,pen_id,valid_from\nA9,p1,2024-01-01\n"}, "row 2: animal_id 'A9' is not among"),
    ({"pen_stays": "animal_id,pen_id,valid_from\nA1,p9,2024-01-01\n"}, "row 2: pen_id 'p9' is not among the pens"),
    ({"pen_stays": "animal_id,pen_id,valid_from\nA1,p1,1/5/24\n"}, "'1/5/24' is not a date"),
    (
        {"pen_stays": "animal_id,pen_id,valid_from,valid_to\nA1,p1,2024-01-01,2024-01-05\nA1,p2,2024-01-04,\n"},
        "pen_stays.csv, row 2 and pen_stays.csv, row 3: A1 is in two pens at once",
    ),
    (
        {"pen_stays": "animal_id,pen_id,valid_from,valid_to\nA1,p1,2024-01-05,2024-01-05\n"},
        "row 2: valid_to is not later",
    ),
    (
        {
            "identifiers": "animal_id,farm_id,scheme,identifier,valid_from,valid_to\n"
            "A1,hill,management,7,2024-01-01,2024-03-02\nA2,hill,management,7,2024-03-01,\n"
        },
        "identifiers.csv, row 2 and identifiers.csv, row 3: management 7 is valid twice at once",
    ),
    (
        {"pens": "pen_id,farm_id,name\np1,hill,North\np2,hill,South\np1,hill,East\n"},
        "pens.csv, row 2 and pens.csv, row 4: the same row twice (p1)",
    ),
    ({"cameras": "camera_id,pen_id,device_id,disjoint_from,valid_from\nc1,p1,barn-1,c9,2024-01-01\n"}, "'c9'"),
    ({"pen_stays": "animal_id,pen_id,valid_from\nA1,p1,2024-03-31T01:30\n"}, "does not exist in Europe/London"),
]  # fmt: skip


@pytest.mark.parametrize(("tables", "says"), REFUSED, ids=[s for _, s in REFUSED])
def test_a_wrong_row_is_named_and_nothing_is_imported(
    untouched: Settings, tmp_path: Path, tables: dict[str, str], says: str
) -> None:
    with pytest.raises(InputError) as refusal:
        import_roster(untouched, write_tables(tmp_path / "roster", {**ROSTER, **tables}))
    assert says in refusal.value.message


def test_a_stay_that_overlaps_one_recorded_earlier_is_refused(imported: Imported) -> None:
    imported()
    with pytest.raises(InputError, match="recorded earlier"):
        imported(only=True, pen_stays="animal_id,pen_id,valid_from\nA2,p2,2024-05-01\n")


def test_what_others_refer_to_cannot_be_retracted(imported: Imported) -> None:
    imported()
    with pytest.raises(InputError, match="recorded earlier: pen_id 'p2' is not among the pens"):
        imported(only=True, retract_missing=True, pens="pen_id,farm_id,name\np1,hill,North\n")


def test_an_animal_with_labels_cannot_be_retracted(settings: Settings, imported: Imported, tmp_path: Path) -> None:
    imported()
    (tmp_path / "dead.csv").write_text("animal,day\nA2,2024-05-03\n", encoding="utf-8")
    mapping = {
        "source": "s", "farm": "hill", "timezone": "UTC", "animal": {"column": "animal", "scheme": "herdbook"},
        "event": {"kind": "death"}, "occurred_by": "day",
    }  # fmt: skip
    import_labels(settings, tmp_path / "dead.csv", "csv", Mapping.model_validate(mapping))
    gone = {
        name: "\n".join(t for t in ROSTER[name].splitlines() if not t.startswith("A2"))
        for name in ("animals", "identifiers", "pen_stays")
    }
    with pytest.raises(InputError, match="A2 cannot be retracted: labels speak of it"):
        imported(only=True, retract_missing=True, **gone)


def test_all_problems_are_said_at_once_but_no_more_than_twenty(imported: Imported) -> None:
    lines = "".join(f"A{n},hill,Pig!,female,2023-01-01\n" for n in range(30))
    with pytest.raises(InputError) as refusal:
        imported(animals="animal_id,farm_id,species,sex,born_on\n" + lines)
    assert refusal.value.message.count("species") == 20
    assert "… and 10 more" in refusal.value.message


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        ({"pen_stay": "animal_id,pen_id,valid_from\n"}, "'pen_stay' is no roster table"),
        ({"pens": "pen_id,name\np1,North\n"}, "pens.csv has no column 'farm_id'"),
        ({"pens": "pen_id,farm_id,name,colour\np1,hill,North,red\n"}, "'colour' that is not known"),
        ({"pens": "pen_id,farm_id,name,name\np1,hill,North,red\n"}, "'name' occurs twice"),
    ],
)
def test_a_file_that_is_no_roster_is_refused(imported: Imported, tables: dict[str, str], says: str) -> None:
    with pytest.raises(FileFormatError, match=says):
        imported(only=True, **tables)


def test_nothing_to_import_is_said(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFoundError, match="holds no roster table"):
        import_roster(settings, tmp_path / "empty")
    with pytest.raises(NotFoundError, match="there is no file"):
        import_roster(settings, tmp_path / "absent")


def test_without_a_lake_the_remedy_is_init(tmp_path: Path) -> None:
    (tmp_path / "farms.csv").write_text(ROSTER["farms"], encoding="utf-8")
    with pytest.raises(NotInitialisedError):
        import_roster(Settings(home=tmp_path / "none"), tmp_path / "farms.csv")
