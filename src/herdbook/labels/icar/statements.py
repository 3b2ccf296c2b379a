"""What each type of message states about an animal. Types that state nothing here are kept all the same.

No fact is made of a plan (a course that is planned), of a group's average, of a total over a period, or of a transfer
within the farm: an animal that changes its pen has not left.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from herdbook.labels.cells import RowProblem
from herdbook.labels.icar.document import Message
from herdbook.labels.icar.fields import identifier, number, part, parts, text
from herdbook.labels.kinds import LabelKind

AnimalName = tuple[str, str]
"""ICAR's scheme, and the id in it."""


@dataclass(frozen=True)
class Statement:
    """A fact as a message states it, in its own words."""

    kind: LabelKind
    animal: AnimalName
    part: str
    """Tells the facts of one message apart, for ever."""
    when: str = "eventDateTime"
    """Field that says when it was seen,"""
    of: Message | None = None
    """and the part of the message that holds it; the message itself when none."""
    number: float | None = None
    text: str | None = None
    scale: str | None = None
    unit: str | None = None
    site: str | None = None
    severity: str | None = None


Reader = Callable[[Message, Mapping[str, str]], Iterator[Statement]]
"""Of a message and the scales of trait labels."""


def _animal(message: Message) -> AnimalName:
    found = identifier(message)
    if found is None:
        raise RowProblem("animal: no animal is named")
    return found


def _state(kind: LabelKind, *fields: str) -> Reader:
    """A reader of events with one word as value: the first of ``fields`` that is there."""

    def read(message: Message, _: Mapping[str, str]) -> Iterator[Statement]:
        words = (text(message, field) for field in fields)
        yield Statement(kind, _animal(message), kind.value, text=next((w for w in words if w), None))

    return read


_PREGNANCY = {"Empty": "empty", "Pregnant": "pregnant", "Multiple": "pregnant", "Unknown": "unclear"}


def _pregnancy(message: Message, _: Mapping[str, str]) -> Iterator[Statement]:
    result = text(message, "result")
    if result is not None and result not in _PREGNANCY:
        raise RowProblem(f"result: '{result}' is none of {', '.join(_PREGNANCY)}")
    kind = LabelKind.PREGNANCY_CHECK
    yield Statement(kind, _animal(message), kind.value, text=result and _PREGNANCY[result])


def _heat(message: Message, _: Mapping[str, str]) -> Iterator[Statement]:
    strength = text(part(message, "visualDetection"), "heatIntensity")
    yield Statement(LabelKind.HEAT, _animal(message), "heat", text=text(message, "certainty"), severity=strength)


def _do_not_breed(message: Message, _: Mapping[str, str]) -> Iterator[Statement]:
    given = message.get("doNotBreed")
    if given is not None and not isinstance(given, bool):
        raise RowProblem("doNotBreed: is neither true nor false")
    kind, word = LabelKind.DO_NOT_BREED, {True: "yes", False: "no", None: None}[given]
    yield Statement(kind, _animal(message), kind.value, text=word)


def _diagnoses(message: Message, _: Mapping[str, str]) -> Iterator[Statement]:
    for n, diagnosis in enumerate(parts(message, "diagnoses")):
        scheme, code = identifier(diagnosis, "diagnosisCode") or (None, None)
        yield Statement(
            LabelKind.DIAGNOSIS,
            _animal(message),
            f"diagnosis.{n}",
            text=code or text(diagnosis, "name") or text(diagnosis, "description"),
            scale=scheme,
            site=_site(diagnosis),
            severity=text(diagnosis, "severity") or text(diagnosis, "severityScore"),
        )


def _site(message: Message) -> str | None:
    """Positions as ICAR words them, in their order; else the free text."""
    positions = [text(p, "position") for p in parts(message, "positions")]
    return ", ".join(p for p in positions if p) or text(message, "site")


def _treatment(message: Message, _: Mapping[str, str]) -> Iterator[Statement]:
    yield Statement(LabelKind.TREATMENT, _animal(message), "treatment", text=_remedy(message), site=_site(message))


def _remedy(message: Message) -> str | None:
    medicine = part(message, "medicine")
    _, registered = identifier(medicine, "registeredIdentifier") or (None, None)
    return text(medicine, "name") or text(medicine, "approved") or registered or text(message, "procedure")


def _program(message: Message, scales: Mapping[str, str]) -> Iterator[Statement]:
    """Its treatments are facts; a course counts only where none is listed, and only if it is said to be actual."""
    yield from _diagnoses(message, scales)
    treatments = parts(message, "treatments")
    for n, treatment in enumerate(treatments):
        [read] = _treatment({"animal": message.get("animal"), **treatment}, scales)
        yield replace(read, part=f"treatment.{n}", of=treatment)
    for n, course in enumerate([] if treatments else parts(message, "courses")):
        if text(course, "planOrActual") == "Actual":
            yield Statement(
                LabelKind.TREATMENT,
                _animal(message),
                f"course.{n}",
                when="startDate",
                of=course,
                text=_remedy(course),
                site=text(course, "site"),
            )


_MASS = {"KGM": "kg", "GRM": "g", "LBR": "lb"}


def _mass(amount: Message, value: str, unit: str) -> tuple[float | None, str]:
    code = text(amount, unit) or "KGM"
    if code not in _MASS:
        raise RowProblem(f"{unit}: '{code}' is none of {', '.join(_MASS)}")
    return number(amount, value), _MASS[code]


def _weight(message: Message, _: Mapping[str, str]) -> Iterator[Statement]:
    weight = part(message, "weight")
    if text(weight, "method") != "GroupAverage":
        value, unit = _mass(weight, "measurement", "units")
        yield Statement(LabelKind.WEIGHT, _animal(message), "weight", number=value, unit=unit)


def _group_weight(message: Message, _: Mapping[str, str]) -> Iterator[Statement]:
    if text(message, "method") == "GroupAverage":
        return
    for pair in parts(message, "animalWeights"):
        animal = identifier(pair)
        if animal is not None and pair.get("weight") is not None:
            value, unit = _mass({**message, **pair}, "weight", "units")
            yield Statement(LabelKind.WEIGHT, animal, member_part("weight", animal), number=value, unit=unit)


def _milking(message: Message, _: Mapping[str, str]) -> Iterator[Statement]:
    value, unit = _mass(part(message, "milkingMilkWeight"), "value", "unitCode")
    kind = LabelKind.MILKING
    yield Statement(kind, _animal(message), kind.value, when="milkingStartingDateTime", number=value, unit=unit)


def _test_day(message: Message, _: Mapping[str, str]) -> Iterator[Statement]:
    if message.get("milkWeight24Hours") is not None:  # a cow that was dry or sick has none
        value, unit = _mass(part(message, "milkWeight24Hours"), "value", "unitCode")
        yield Statement(LabelKind.MILK_24H, _animal(message), LabelKind.MILK_24H.value, number=value, unit=unit)


def _feed(message: Message, _: Mapping[str, str]) -> Iterator[Statement]:
    """What was eaten in a visit, of all feeds together: the rations' weight where only that is known."""
    eaten = [
        part(feed, "feedConsumption")
        for feed in parts(message, "consumedFeed") or [part(message, "consumedRation")]
        if feed.get("feedConsumption") is not None
    ]
    amounts = [_mass(amount, "value", "unitCode") for amount in eaten]
    if not amounts:
        return
    if len({unit for _, unit in amounts}) > 1 or any(value is None for value, _ in amounts):
        raise RowProblem("consumedFeed: its amounts do not add up: units differ, or one is missing")
    total, kind = sum(value or 0.0 for value, _ in amounts), LabelKind.FEED_INTAKE
    yield Statement(
        kind, _animal(message), kind.value, when="feedingStartingDateTime", number=total, unit=amounts[0][1]
    )


_SCORES = {"Locomotion": LabelKind.LAMENESS_SCORE, "BodyConditionScore": LabelKind.CONDITION_SCORE}


def _score(message: Message, scales: Mapping[str, str]) -> Iterator[Statement]:
    yield _scored(message, message, "score", scales)


def _classification(message: Message, scales: Mapping[str, str]) -> Iterator[Statement]:
    for n, score in enumerate(parts(message, "conformationScores")):
        yield _scored(message, score, f"score.{n}", scales)


def _scored(message: Message, score: Message, name: str, scales: Mapping[str, str]) -> Statement:
    trait = text(score, "traitScored")
    if trait is None:
        raise RowProblem("traitScored: is missing")
    label = "/".join(identifier(message, "traitLabel") or ())
    kind = _SCORES.get(trait, LabelKind.CONFORMATION)
    scale = "conformation-1-9"
    if kind is LabelKind.CONFORMATION and text(score, "traitGroup") == "Composite":
        scale = "conformation-50-99"
    if kind is LabelKind.LAMENESS_SCORE:
        scale = scales.get(label, scale)
    site = trait if kind is LabelKind.CONFORMATION else None
    return Statement(kind, _animal(message), name, number=number(score, "score"), scale=scale, site=site)


def _arrival(message: Message, scales: Mapping[str, str]) -> Iterator[Statement]:
    if text(message, "arrivalReason") != "InternalTransfer":
        yield from _state(LabelKind.ARRIVAL, "arrivalReason")(message, scales)


def _departure(message: Message, scales: Mapping[str, str]) -> Iterator[Statement]:
    if text(message, "departureKind") != "InternalTransfer":
        yield from _state(LabelKind.DEPARTURE, "departureReason", "departureKind")(message, scales)


def _birth(message: Message, _: Mapping[str, str]) -> Iterator[Statement]:
    if text(message, "registrationReason") != "Registered":  # entered in a register, whenever it was born
        yield Statement(LabelKind.BIRTH, _animal(message), LabelKind.BIRTH.value)


READERS: dict[str, Reader] = {
    "ConformationScoreEvent": _score,
    "DiagnosisEvent": _diagnoses,
    "FeedIntakeEvent": _feed,
    "GroupWeightEvent": _group_weight,
    "HealthStatusObservedEvent": _state(LabelKind.HEALTH_STATUS, "observedStatus"),
    "LactationStatusObservedEvent": _state(LabelKind.LACTATION_STATUS, "observedStatus"),
    "MilkingDryOffEvent": _state(LabelKind.DRY_OFF),
    "MilkingVisitEvent": _milking,
    "MovementArrivalEvent": _arrival,
    "MovementBirthEvent": _birth,
    "MovementDeathEvent": _state(LabelKind.DEATH, "deathReason", "deathMethod"),
    "MovementDepartureEvent": _departure,
    "ReproAbortionEvent": _state(LabelKind.ABORTION),
    "ReproDoNotBreedEvent": _do_not_breed,
    "ReproHeatEvent": _heat,
    "ReproInseminationEvent": _state(LabelKind.INSEMINATION, "inseminationType"),
    "ReproParturitionEvent": _state(LabelKind.PARTURITION, "calvingEase"),
    "ReproPregnancyCheckEvent": _pregnancy,
    "ReproStatusObservedEvent": _state(LabelKind.REPRODUCTION_STATUS, "observedStatus"),
    "TestDayResultEvent": _test_day,
    "TreatmentEvent": _treatment,
    "TreatmentProgramEvent": _program,
    "TypeClassificationEvent": _classification,
    "WeightEvent": _weight,
}
"""By type; types without a reader state no fact about an animal at a time."""

GROUP_READERS: dict[str, Reader] = {
    "GroupMovementArrivalEvent": _arrival,
    "GroupMovementBirthEvent": _birth,
    "GroupMovementDeathEvent": _state(LabelKind.DEATH, "deathReason", "deathreason", "deathMethod"),
    "GroupMovementDepartureEvent": _departure,
    "GroupTreatmentEvent": _treatment,
}
"""Types that state the same of every animal of a group."""


def statements(
    kind: str, message: Message, scales: Mapping[str, str], members: Iterable[AnimalName]
) -> Iterator[Statement]:
    """What a message states.

    Args:
        kind: its type's short name.
        message: the message.
        scales: of lameness, by trait label.
        members: the animals of the group that a group event is about.

    Raises:
        RowProblem: it cannot be understood.
    """
    if kind in READERS:
        yield from READERS[kind](message, scales)
    elif kind in GROUP_READERS:
        for scheme, name in members:
            of_one = {**message, "animal": {"scheme": scheme, "id": name}}
            for said in GROUP_READERS[kind](of_one, scales):
                yield replace(said, part=member_part(said.part, said.animal))


def member_part(name: str, animal: AnimalName) -> str:
    """The name of one animal's fact within a group's: its place in the list may change."""
    return f"{name}.{hashlib.sha256(chr(0).join(animal).encode()).hexdigest()[:12]}"
