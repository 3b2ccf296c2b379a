"""Every definition is described, and the description is true."""

from __future__ import annotations

from pathlib import Path

import pytest

from herdbook.errors import ConfigurationError
from herdbook.lake.check import all_checks
from herdbook.lake.definitions import Definition, Kind, definitions, of_kind, sql_root
from herdbook.lake.dictionary import actual_columns, render
from herdbook.lake.metadata import described_columns, read_metadata

COLUMNS = actual_columns()
every = pytest.mark.parametrize("definition", definitions(), ids=lambda d: d.qualified)


@every
def test_columns_are_described_as_they_are(definition: Definition) -> None:
    read_metadata(definition)
    if definition.kind is not Kind.MACRO:
        assert set(described_columns(definition)) == set(COLUMNS[definition.qualified])


@every
def test_keys_are_columns(definition: Definition) -> None:
    known = set(described_columns(definition))
    assert set(read_metadata(definition).key) <= known


def test_every_folder_defines_one_thing_and_nothing_else() -> None:
    known = {"table.sql", "view.sql", "macro.sql", "step.sql", "known.sql", "metadata.yaml", "checks.sql"}
    for folder in sql_root().glob("*/*"):
        names = {path.name for path in folder.iterdir()}
        assert names <= known, folder
        assert len(names & {"table.sql", "view.sql", "macro.sql", "step.sql"}) == 1, folder


def test_definitions_come_after_what_they_read() -> None:
    names = [d.name for d in of_kind(Kind.VIEW, Kind.MACRO)]
    for first, then in [
        ("device_day", "tracklet"),
        ("identity_known_as_of", "identity"),
        ("seconds_between", "animal_timeline"),
        ("animal_timeline", "animal_day_behaviour"),
        ("animal_day_behaviour", "animal_day"),
    ]:
        assert names.index(first) < names.index(then)


def test_names_of_checks_are_unique() -> None:
    names = [check.name for check in all_checks()]
    assert len(set(names)) == len(names) > 40


def test_the_data_dictionary_is_up_to_date() -> None:
    path = Path(__file__).parents[2] / "docs" / "data-dictionary.md"
    assert path.read_text(encoding="utf-8") == render(), "run: herdbook lake dictionary > docs/data-dictionary.md"


@pytest.mark.parametrize(
    "text",
    [
        "grain: a row\ndescription: something\n",
        "owner: lake\ngrain: a row\ndescription: something\ncolour: red\n",
        "owner: lake\ngrain: a row\ndescription: something\ncolumns: {x: {unit: furlong, description: far away}}\n",
        "owner: [",
    ],
    ids=["no owner", "unknown key", "unknown unit", "no yaml"],
)
def test_metadata_is_strict(tmp_path: Path, text: str) -> None:
    (tmp_path / "metadata.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=r"metadata\.yaml"):
        read_metadata(Definition("herd", "x", Kind.VIEW, tmp_path))
