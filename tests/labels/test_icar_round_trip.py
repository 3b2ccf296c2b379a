"""Every example and messages of every type of ICAR ADE 1.3 come out equal, or are refused with a reason."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from herdbook.labels.icar.export import export_icar
from herdbook.labels.icar.importer import IcarResult, import_icar
from herdbook.labels.icar.mapping import IcarMapping
from herdbook.labels.icar.messages import name_of
from herdbook.labels.icar.names import KNOWN
from herdbook.roster.importer import import_roster
from herdbook.settings import Settings
from support.queries import SHARED_DATA, lake_rows

pytestmark = pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="the shared reference data is not here")

ANIMALS = [
    *({"scheme": "fi.animal-id", "id": tag} for tag in ("FI000010065148-2", "FI000010065150-1", "FI000010773604-2")),
    *({"scheme": "fi.animal-id", "id": tag} for tag in ("FI000010065148-1",)),
    *({"scheme": "se.animal-id", "id": tag} for tag in ("SE-801-2137-4", "SE-801-4259-5")),
]
MAPPING = {"source": "mro", "farm": "hill", "timezone": "Europe/Helsinki"}
TYPES = {
    "exampleDryOffEventResources_Finland.json": "MilkingDryOffEvent",
    "exampleDryOffEventResources_Sweden.json": "MilkingDryOffEvent",
    "exampleInseminationEventResources_Finland.json": "ReproInseminationEvent",
    "examplePregnancyCheckEventResources_Finland.json": "ReproPregnancyCheckEvent",
    "exampleTestDayResourceCollection.json": "TestDay",
}


@pytest.fixture
def nordic(empty_lake: Settings, tmp_path: Path) -> Settings:
    """A lake that knows the examples' animals by their official numbers."""
    tables = {
        "farms": ["farm_id,name,timezone", "hill,Hill,Europe/Helsinki"],
        "animals": ["animal_id,farm_id,species", *(f"C{n},hill,cattle" for n in range(len(ANIMALS)))],
        "identifiers": [
            "animal_id,farm_id,scheme,identifier,valid_from",
            *(f"C{n},hill,{a['scheme']},{a['id']},2010-01-01" for n, a in enumerate(ANIMALS)),
        ],
    }
    (tmp_path / "roster").mkdir()
    for name, lines in tables.items():
        (tmp_path / "roster" / f"{name}.csv").write_text("\n".join(lines), encoding="utf-8")
    import_roster(empty_lake, tmp_path / "roster")
    return empty_lake


def exported(settings: Settings) -> list[dict[str, Any]]:
    return json.loads(export_icar(settings))["member"]  # type: ignore[no-any-return]


def refused(result: IcarResult) -> list[tuple[str, dict[str, Any]]]:
    """Reason and message of everything in quarantine."""
    if result.quarantine is None:
        return []
    lines = csv.DictReader(result.quarantine.read_text(encoding="utf-8").splitlines())
    return [(line["reason"], json.loads(line["message"])) for line in lines]


def test_all_examples_come_out_equal_and_say_where_they_depart_from_the_standard(nordic: Settings) -> None:
    folder = SHARED_DATA / "icar-ade/examples"
    assert sorted(TYPES) == sorted(path.name for path in folder.glob("*.json"))
    sent: list[dict[str, Any]] = []
    notes: Counter[str] = Counter()
    for name, kind in TYPES.items():
        mapping = IcarMapping.model_validate(MAPPING | {"resource_type": kind})
        done = import_icar(nordic, folder / name, mapping)
        assert done.quarantined == 0, refused(done)
        notes.update(note.split(": ", 1)[1].split(":")[0] for note in done.notes)
        sent += json.loads((folder / name).read_text())["member"]
    assert exported(nordic) == sent
    assert notes["no resourceType"] == 5
    assert notes["eventDateTime is a midnight without a zone"] == 4
    assert notes["an event later than its message"] == 1
    facts = lake_rows(nordic, "SELECT kind, value_text, occurred_day::VARCHAR FROM label_current ORDER BY ALL")
    assert facts == [
        ("dry_off", None, "2017-01-29"),
        ("dry_off", None, "2017-03-19"),
        ("dry_off", None, "2020-01-03"),  # the other Swedish one was written down two months before its day: a plan
        ("insemination", "Insemination", "2017-03-19"),
        ("pregnancy_check", "pregnant", "2018-04-03"),
        ("pregnancy_check", "unclear", "2018-03-19"),
    ]


def test_messages_of_every_type_come_out_equal_or_are_refused_with_a_reason(nordic: Settings, tmp_path: Path) -> None:
    from support.icar import Maker, problems

    maker = Maker(1, ANIMALS)
    sent = [maker.message(kind) for kind in sorted(KNOWN) for _ in range(12)]
    valid = Counter(m["resourceType"] for m in sent if not problems(m["resourceType"], m))
    assert {kind for kind in KNOWN if valid[kind] < 12} == set(), "the generator makes what the schemas say"
    file = tmp_path / "messages.json"
    file.write_text(json.dumps(sent), encoding="utf-8")
    done = import_icar(nordic, file, IcarMapping.model_validate(MAPPING))
    back = [json.dumps(m, sort_keys=True) for m in exported(nordic)]
    aside = refused(done)
    assert all(reason for reason, _ in aside)
    seen = {*back, *(json.dumps(m, sort_keys=True) for _, m in aside)}
    mapping = IcarMapping.model_validate(MAPPING)
    last = {name_of(m, mapping): m for m in sent}  # two messages of one name: the later one replaces the first
    lost = [m for m in sent if json.dumps(m, sort_keys=True) not in seen and last[name_of(m, mapping)] is m]
    deleted = [m for m in lost if m.get("meta", {}).get("isDeleted") is True]
    assert lost == deleted, "what was never there and is deleted need not be kept"
    assert len(back) > len(sent) / 2, "most of them say who they are"
    again = import_icar(nordic, file, IcarMapping.model_validate(MAPPING))
    assert (again.messages, again.deleted, again.added, again.changed, again.retracted) == (0, 0, 0, 0, 0)
