"""What one ICAR message states, and the one clear reason why another is refused. No lake is needed for that."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from herdbook.errors import FileFormatError
from herdbook.labels.cells import RowProblem
from herdbook.labels.facts import Fact
from herdbook.labels.icar.document import body_text, parse_document
from herdbook.labels.icar.facts import make_fact
from herdbook.labels.icar.mapping import IcarMapping
from herdbook.labels.icar.messages import Kept, Notes, read_message
from herdbook.labels.icar.names import KNOWN, short_name
from herdbook.labels.icar.sets import AnimalSets
from herdbook.labels.icar.statements import GROUP_READERS, READERS, statements

MAPPING = IcarMapping.model_validate({
    "source": "mro", "farm": "hill", "timezone": "Europe/London", "schemes": {"uk.tag": "management"},
    "scales": {"uk.ahdb/mobility": "mobility-0-3"},
})  # fmt: skip
NOW = datetime(2024, 6, 1, tzinfo=UTC)
COW = {"scheme": "uk.tag", "id": "101"}
OTHER = {"scheme": "uk.tag", "id": "102"}
GROUP = {"embeddedAnimalSet": {"id": "s", "member": [COW, OTHER]}}
WHOLE = {
    "id": "7", "animal": COW, "eventDateTime": "2024-05-03T10:00:00Z", "responsible": "Ann",
    "meta": {"source": "m", "modified": "2024-05-03T12:00:00Z"},
}  # fmt: skip
CASE = {"name": "Sole ulcer", "severity": "Severe", "positions": [{"position": "LegsRearLeft"}]}
CODED = {"name": "Sole ulcer", "diagnosisCode": {"scheme": "icar.disease", "id": "1.06"}, "site": "hoof"}


def facts(kind: str, *, told: tuple[Kept, ...] = (), notes: Notes | None = None, **fields: Any) -> list[Fact]:
    """The facts of one message; a field that is None is left out."""
    given = {k: v for k, v in {**WHOLE, "resourceType": kind, **fields}.items() if v is not None}
    notes = Notes() if notes is None else notes
    kept = read_message(given, 1, MAPPING, notes)
    members = AnimalSets(told, MAPPING).members(given) if kept.kind.startswith("Group") else []
    said = statements(kept.kind, given, MAPPING.scales, members)
    return [f for f in (make_fact(one, kept, MAPPING, NOW, notes) for one in said) if f is not None]


def short(fact: Fact) -> tuple[Any, ...]:
    """What is not null of a fact, in a few words."""
    values = (fact.value_number, fact.value_text, fact.scale, fact.unit, fact.site, fact.severity)
    return (fact.kind.value, *(v for v in values if v is not None))


STATES: list[tuple[str, dict[str, Any], list[tuple[Any, ...]]]] = [
    ("DiagnosisEvent", {"diagnoses": [CASE, CODED]},
     [("diagnosis", "Sole ulcer", "LegsRearLeft", "Severe"), ("diagnosis", "1.06", "icar.disease", "hoof")]),
    ("HealthStatusObservedEvent", {"observedStatus": "Ill"}, [("health_status", "Ill")]),
    ("ConformationScoreEvent", {"traitScored": "Locomotion", "score": 4}, [("lameness_score", 4, "conformation-1-9")]),
    ("ConformationScoreEvent", {"traitScored": "Locomotion", "score": 2,
     "traitLabel": {"scheme": "uk.ahdb", "id": "mobility"}}, [("lameness_score", 2, "mobility-0-3")]),
    ("ConformationScoreEvent", {"traitScored": "ClawAngle", "score": 5},
     [("conformation", 5, "conformation-1-9", "ClawAngle")]),
    ("ConformationScoreEvent", {"traitScored": "FeetLegs", "traitGroup": "Composite", "score": 82},
     [("conformation", 82, "conformation-50-99", "FeetLegs")]),
    ("TypeClassificationEvent", {"conformationScores": [{"traitScored": "BodyConditionScore", "score": 6},
     {"traitScored": "Locomotion", "score": 7}]},
     [("condition_score", 6, "conformation-1-9"), ("lameness_score", 7, "conformation-1-9")]),
    ("TreatmentEvent", {"medicine": {"name": "NSAID"}, "positions": [{"position": "LegsRearLeft"}]},
     [("treatment", "NSAID", "LegsRearLeft")]),
    ("TreatmentEvent", {"procedure": "claw block"}, [("treatment", "claw block")]),
    ("TreatmentProgramEvent", {"diagnoses": [CASE], "courses": [
        {"planOrActual": "Plan", "procedure": "trim", "startDate": "2024-05-03T10:00:00Z"},
        {"planOrActual": "Actual", "procedure": "block", "startDate": "2024-05-03T10:00:00Z"}]},
     [("diagnosis", "Sole ulcer", "LegsRearLeft", "Severe"), ("treatment", "block")]),
    ("TreatmentProgramEvent", {"courses": [{"planOrActual": "Actual", "procedure": "block"}],
     "treatments": [{"procedure": "trim", "eventDateTime": "2024-05-02T10:00:00Z"}]}, [("treatment", "trim")]),
    ("ReproHeatEvent", {"certainty": "InHeat", "visualDetection": {"heatIntensity": "Strong"}},
     [("heat", "InHeat", "Strong")]),
    ("ReproInseminationEvent", {"inseminationType": "NaturalService"}, [("insemination", "NaturalService")]),
    ("ReproPregnancyCheckEvent", {"result": "Multiple"}, [("pregnancy_check", "pregnant")]),
    ("ReproParturitionEvent", {"calvingEase": "EasyAssisted"}, [("parturition", "EasyAssisted")]),
    ("ReproAbortionEvent", {}, [("abortion",)]),
    ("ReproDoNotBreedEvent", {"doNotBreed": True}, [("do_not_breed", "yes")]),
    ("ReproStatusObservedEvent", {"observedStatus": "Open"}, [("reproduction_status", "Open")]),
    ("LactationStatusObservedEvent", {"observedStatus": "Dry"}, [("lactation_status", "Dry")]),
    ("MilkingDryOffEvent", {}, [("dry_off",)]),
    ("WeightEvent", {"weight": {"measurement": 612.5}}, [("weight", 612.5, "kg")]),
    ("WeightEvent", {"weight": {"measurement": 1350, "units": "LBR"}}, [("weight", 1350, "lb")]),
    ("WeightEvent", {"weight": {"measurement": 600, "method": "GroupAverage"}}, []),
    ("MovementBirthEvent", {"registrationReason": "Born"}, [("birth",)]),
    ("MovementBirthEvent", {"registrationReason": "Registered"}, []),
    ("MovementArrivalEvent", {"arrivalReason": "Purchase"}, [("arrival", "Purchase")]),
    ("MovementArrivalEvent", {"arrivalReason": "InternalTransfer"}, []),
    ("MovementDepartureEvent", {"departureKind": "Sale", "departureReason": "LegOrClaw"}, [("departure", "LegOrClaw")]),
    ("MovementDeathEvent", {"deathReason": "LegOrClaw"}, [("death", "LegOrClaw")]),
    ("MilkingVisitEvent", {"milkingStartingDateTime": "2024-05-03T06:00:00Z",
     "milkingMilkWeight": {"unitCode": "KGM", "value": 0}}, [("milking", 0, "kg")]),
    ("TestDayResultEvent", {"milkWeight24Hours": {"unitCode": "KGM", "value": 31.2}}, [("milk_24h", 31.2, "kg")]),
    ("TestDayResultEvent", {"testDayCode": "Dry"}, []),
    ("FeedIntakeEvent", {"feedingStartingDateTime": "2024-05-03T06:00:00Z", "consumedFeed": [
        {"feedId": {}, "feedConsumption": {"unitCode": "KGM", "value": 1.5}},
        {"feedId": {}, "feedConsumption": {"unitCode": "KGM", "value": 0.5}}]}, [("feed_intake", 2, "kg")]),
    ("GroupMovementDeathEvent", GROUP | {"deathreason": "Disease"}, [("death", "Disease")] * 2),
    ("GroupMovementDepartureEvent", GROUP | {"departureKind": "Sale"}, [("departure", "Sale")] * 2),
    ("GroupMovementArrivalEvent", GROUP | {"arrivalReason": "Show"}, [("arrival", "Show")] * 2),
    ("GroupMovementBirthEvent", GROUP | {"registrationReason": "Born"}, [("birth",)] * 2),
    ("GroupTreatmentEvent", GROUP | {"procedure": "foot bath"}, [("treatment", "foot bath")] * 2),
    ("GroupTreatmentEvent", {"procedure": "foot bath", "inventoryClassification": {"count": 40}}, []),
    ("GroupWeightEvent", GROUP | {"units": "KGM", "animalWeights": [
        {"animal": COW, "weight": 70}, {"animal": OTHER, "weight": None}, {"animal": None, "weight": 9}]},
     [("weight", 70, "kg")]),
    ("GroupWeightEvent", GROUP | {"method": "GroupAverage", "animalWeights": [{"animal": COW, "weight": 70}]}, []),
    ("WithdrawalEvent", {"productType": "Milk"}, []),
    ("AnimalSet", {"member": [COW]}, []),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "fields", "expected"), STATES, ids=lambda v: v if isinstance(v, str) else None)
def test_what_a_message_states(kind: str, fields: dict[str, Any], expected: list[tuple[Any, ...]]) -> None:
    assert [short(fact) for fact in facts(kind, **fields)] == expected


def test_every_type_that_states_something_has_its_case() -> None:
    assert {kind for kind, _, expected in STATES if expected} == READERS.keys() | GROUP_READERS.keys()


def test_a_fact_keeps_its_observer_its_animal_and_both_its_times() -> None:
    [fact] = facts("WeightEvent", weight={"measurement": 600})
    assert (fact.observer, fact.scheme, fact.identifier) == ("Ann", "management", "101")
    assert (fact.occurred_by, fact.recorded_at) == (
        datetime(2024, 5, 3, 10, tzinfo=UTC),
        datetime(2024, 5, 3, 12, tzinfo=UTC),
    )
    assert fact.source_id == "m:WeightEvent:7/weight"


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"resourceType": "WeighEvent"}, "resourceType: 'WeighEvent' is no resource of ICAR ADE 1.3"),
    ({"resourceType": None}, "it has no resourceType: name the type of such messages in the mapping"),
    ({"id": None}, "it has neither meta.sourceId nor id"),
    ({"animal": None}, "animal: no animal is named"),
    ({"animal": "101"}, "animal: is not an object"),
    ({"animal": {"id": "101"}}, "animal: an identifier has a scheme and an id"),
    ({"eventDateTime": None}, "eventDateTime: is missing"),
    ({"eventDateTime": "3 May 2024"}, "eventDateTime: '3 May 2024' is not a date or time"),
    ({"eventDateTime": "2024-03-31T01:30:00"}, "does not exist in Europe/London: the clocks were put forward"),
    ({"eventDateTime": "1899-12-30"}, "1899-12-30 is not a day of a farm"),
    ({"weight": {}}, "a weight needs a value"),
    ({"weight": [70]}, "weight: is not an object"),
    ({"weight": {"measurement": "70"}}, "measurement: is not a number"),
    ({"weight": {"measurement": -70}}, "-70 is not a weight"),
    ({"weight": {"measurement": 7, "units": "ONZ"}}, "units: 'ONZ' is none of KGM, GRM, LBR"),
    ({"meta": {"isDeleted": "true"}}, "meta.isDeleted: is neither true nor false"),
    ({"meta": {"modified": "yesterday"}}, "modified: 'yesterday' is not a date or time"),
    ({"responsible": "A\0"}, "responsible: holds what is no character"),
    ({"meta": {"modified": "2031-01-01T00:00:00Z"}}, "it was recorded in the future"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "reason"), REFUSED, ids=[reason[:40] for _, reason in REFUSED])
def test_why_a_message_is_refused(fields: dict[str, Any], reason: str) -> None:
    kind = fields.get("resourceType", "WeightEvent")
    with pytest.raises(RowProblem) as refused:
        facts(kind, **{"weight": {"measurement": 70}, **{k: v for k, v in fields.items() if k != "resourceType"}})
    assert reason in str(refused.value)


BROKEN: list[tuple[bytes, str]] = [
    (b"", "m.json is empty"),
    (b"\n", "m.json is empty"),
    (b"{", "m.json is not JSON"),
    (b'"WeightEvent"', "neither a message nor a collection"),
    (b'{"member": {}}', "'member' is not a list"),
    (b'{"id": "1", "id": "2"}', "the key 'id' occurs twice"),
    (b'{"score": NaN}', "NaN is not a number"),
    (b'{"score": 1e999}', "1e999 is larger than any number here"),
    (b'{"score": ' + b"9" * 5000 + b".0}", "999 ... "),
    (b'{"' + b"k" * 5000 + b'": 1, "' + b"k" * 5000 + b'": 2}', "kkk ... "),
    ("{\"name\": \"Bödvar\"}".encode("latin-1"), "is not UTF-8 text"),
    (b'[{"id": "@continuation"}]', "the continuation has no token"),
    (b"[" * 100_000, "nested too deeply"),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "reason"), BROKEN, ids=[reason for _, reason in BROKEN])
def test_why_a_file_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(FileFormatError, match=r"m\.json") as refused:
        parse_document(raw, "m.json")
    assert reason in refused.value.message


DOCUMENTS = [
    '{"id": "1"}',
    '{"view": {}, "member": [{"id": "1"}]}',
    '[{"id": "1"}]',
    '[{"id": "@context"}, {"id": "1"}, {"id": "@continuation", "token": "t"}]',
]


@pytest.mark.parametrize("text", DOCUMENTS)
def test_a_message_comes_alone_in_a_collection_or_in_a_list_of_changes(text: str) -> None:
    document = parse_document(b"\xef\xbb\xbf" + text.encode(), "m.json")
    assert document.messages == ({"id": "1"},)
    assert document.token == ("t" if "token" in text else None)


def test_a_plan_is_no_event() -> None:
    notes = Notes()
    assert facts("MilkingDryOffEvent", notes=notes, eventDateTime="2024-05-20T10:00:00Z") == []
    assert facts("MilkingDryOffEvent", notes=notes, eventDateTime="2025-05-20T10:00:00Z", meta=None) == []
    assert notes["an event later than its message: a plan, kept without a fact"] == 2


def test_a_midnight_without_a_zone_is_a_day_and_another_time_is_read_in_the_farms_zone() -> None:
    [day] = facts("MilkingDryOffEvent", eventDateTime="2024-05-02T00:00:00")
    assert day.occurred_from == datetime(2024, 5, 1, 23, tzinfo=UTC)
    assert day.occurred_by == datetime(2024, 5, 2, 22, 59, 59, 999999, tzinfo=UTC)
    [hour] = facts("MilkingDryOffEvent", eventDateTime="2024-05-02T07:30:00")
    assert hour.occurred_by == datetime(2024, 5, 2, 6, 30, tzinfo=UTC)


@pytest.mark.parametrize("name", ["WeightEvent", "icar:WeightEvent", "http://data.adewg.icar.org/core/WeightEvent",
                                  "icarWeightEventResource"])  # fmt: skip
def test_a_type_is_known_by_each_of_its_names(name: str) -> None:
    assert short_name(name) == "WeightEvent"


def test_templates_and_answers_are_no_messages() -> None:
    assert {short_name(n) for n in ("icarEventCoreResource", "icarBatchResult", "", "Weight")} == {None}
    assert short_name("icarAnimalCoreResource") == "Animal"
    assert all(short_name(name) == name for name in KNOWN)


def test_who_was_in_a_set_is_worked_out_from_who_joined_and_left() -> None:
    def sent(kind: str, at: str, name: str, **more: Any) -> Kept:
        given = {"resourceType": kind, "id": name, "eventDateTime": at, "meta": {"source": "m", "modified": at}, **more}
        return read_message(given, 1, MAPPING, Notes())

    told = (
        sent("AnimalSet", "2024-05-03T00:00:00Z", "pen", member=[COW]),  # since then only the first cow
        sent("AnimalSetLeaveEvent", "2024-05-02T00:00:00Z", "l", animal=OTHER, animalSetId="pen"),
        sent("AnimalSetJoinEvent", "2024-05-01T00:00:00Z", "j", animal=COW, animalSetId="pen"),
    )
    by_day = {
        day: {f.identifier for f in facts(
            "GroupTreatmentEvent", told=told, procedure="bath", animal=None, eventDateTime=f"2024-{day}T12:00:00Z",
            animalSetReference={"identifier": {"scheme": "m", "id": "pen"}},
        )}
        for day in ("04-30", "05-01", "05-02", "05-03")
    }  # fmt: skip
    assert by_day == {"04-30": {"102"}, "05-01": {"101", "102"}, "05-02": {"101"}, "05-03": {"101"}}
    with pytest.raises(RowProblem, match="the animal set 'hospital' was never sent"):
        facts("GroupTreatmentEvent", animalSetReference={"identifier": {"scheme": "m", "id": "hospital"}})


def test_what_is_read_is_written_to_the_same_values() -> None:
    raw = '{"a": "\\ud800", "b": 0.1, "c": 12345678901234567890, "d": "牛", "e": null, "f": [], "g": {"h": 1.0}}'
    [message] = parse_document(raw.encode(), "m.json").messages
    assert json.loads(body_text(message)) == message == json.loads(raw)
