"""What each type of message states about an animal. Types that state nothing here are kept all the same.

No fact is made of a plan (a course that is planned), of a group's average, of a total over a period, or of a transfer
within the farm: an animal that changes its pen has not left.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from herdbook.labels.cells import RowProblem
from herdbook.labels.icar.amounts import feed, group_weight, milk_of_test_day, milking, weight
from herdbook.labels.icar.document import Message
from herdbook.labels.icar.fields import part, text
from herdbook.labels.icar.health import classification, diagnoses, program, score, treatment
from herdbook.labels.icar.stated import AnimalName, Reader, Statement, animal_of, event, member_part
from herdbook.labels.kinds import LabelKind

_PREGNANCY = {"Empty": "empty", "Pregnant": "pregnant", "Multiple": "pregnant", "Unknown": "unclear"}


def _pregnancy(message: Message, _: Mapping[str, str]) -> Iterator[Statement]:
    result = text(message, "result")
    if result is not None and result not in _PREGNANCY:
        raise RowProblem(f"result: '{result}' is none of {', '.join(_PREGNANCY)}")
    kind = LabelKind.PREGNANCY_CHECK
    yield Statement(kind, animal_of(message), kind.value, text=result and _PREGNANCY[result])


def _heat(message: Message, _: Mapping[str, str]) -> Iterator[Statement]:
    strength = text(part(message, "visualDetection"), "heatIntensity")
    yield Statement(LabelKind.HEAT, animal_of(message), "heat", text=text(message, "certainty"), severity=strength)


def _do_not_breed(message: Message, _: Mapping[str, str]) -> Iterator[Statement]:
    given = message.get("doNotBreed")
    if given is not None and not isinstance(given, bool):
        raise RowProblem("doNotBreed: is neither true nor false")
    kind, word = LabelKind.DO_NOT_BREED, {True: "yes", False: "no", None: None}[given]
    yield Statement(kind, animal_of(message), kind.value, text=word)


def _arrival(message: Message, scales: Mapping[str, str]) -> Iterator[Statement]:
    if text(message, "arrivalReason") != "InternalTransfer":
        yield from event(LabelKind.ARRIVAL, "arrivalReason")(message, scales)


def _departure(message: Message, scales: Mapping[str, str]) -> Iterator[Statement]:
    if text(message, "departureKind") != "InternalTransfer":
        yield from event(LabelKind.DEPARTURE, "departureReason", "departureKind")(message, scales)


def _birth(message: Message, _: Mapping[str, str]) -> Iterator[Statement]:
    if text(message, "registrationReason") != "Registered":  # entered in a register, whenever it was born
        yield Statement(LabelKind.BIRTH, animal_of(message), LabelKind.BIRTH.value)


READERS: dict[str, Reader] = {
    "ConformationScoreEvent": score,
    "DiagnosisEvent": diagnoses,
    "FeedIntakeEvent": feed,
    "GroupWeightEvent": group_weight,
    "HealthStatusObservedEvent": event(LabelKind.HEALTH_STATUS, "observedStatus"),
    "LactationStatusObservedEvent": event(LabelKind.LACTATION_STATUS, "observedStatus"),
    "MilkingDryOffEvent": event(LabelKind.DRY_OFF),
    "MilkingVisitEvent": milking,
    "MovementArrivalEvent": _arrival,
    "MovementBirthEvent": _birth,
    "MovementDeathEvent": event(LabelKind.DEATH, "deathReason", "deathMethod"),
    "MovementDepartureEvent": _departure,
    "ReproAbortionEvent": event(LabelKind.ABORTION),
    "ReproDoNotBreedEvent": _do_not_breed,
    "ReproHeatEvent": _heat,
    "ReproInseminationEvent": event(LabelKind.INSEMINATION, "inseminationType"),
    "ReproParturitionEvent": event(LabelKind.PARTURITION, "calvingEase"),
    "ReproPregnancyCheckEvent": _pregnancy,
    "ReproStatusObservedEvent": event(LabelKind.REPRODUCTION_STATUS, "observedStatus"),
    "TestDayResultEvent": milk_of_test_day,
    "TreatmentEvent": treatment,
    "TreatmentProgramEvent": program,
    "TypeClassificationEvent": classification,
    "WeightEvent": weight,
}
"""By type; types without a reader state no fact about an animal at a time."""

GROUP_READERS: dict[str, Reader] = {
    "GroupMovementArrivalEvent": _arrival,
    "GroupMovementBirthEvent": _birth,
    "GroupMovementDeathEvent": event(LabelKind.DEATH, "deathReason", "deathreason", "deathMethod"),
    "GroupMovementDepartureEvent": _departure,
    "GroupTreatmentEvent": treatment,
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
