"""The resources of ICAR ADE 1.3 and the names that messages call them by.

A message says its type by short name (``WeightEvent``), with a prefix (``icar:WeightEvent``), as a URI, or by the name
of the schema (``icarWeightEventResource``): the catalogue and the exchange protocol differ.
"""

from __future__ import annotations


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


ANIMAL_EVENTS = _names("""
    AnimalSetJoinEvent AnimalSetLeaveEvent ConformationScoreEvent DiagnosisEvent FeedIntakeEvent
    HealthStatusObservedEvent LactationStatusObservedEvent MilkingDryOffEvent MilkingVisitEvent MovementArrivalEvent
    MovementBirthEvent MovementDeathEvent MovementDepartureEvent ReproAbortionEvent ReproDoNotBreedEvent ReproHeatEvent
    ReproInseminationEvent ReproMatingRecommendation ReproParturitionEvent ReproPregnancyCheckEvent
    ReproStatusObservedEvent TestDayResultEvent TreatmentEvent TreatmentProgramEvent TypeClassificationEvent
    WeightEvent WithdrawalEvent
""")
"""Events of one animal."""

GROUP_EVENTS = _names("""
    GroupMovementArrivalEvent GroupMovementBirthEvent GroupMovementDeathEvent GroupMovementDepartureEvent
    GroupTreatmentEvent GroupWeightEvent
""")
"""Events of several animals at once."""

OTHERS = _names("""
    Animal AnimalSet BreedingValue DailyMilkingAverages Device Feed FeedRecommendation FeedReport FeedStorage Gestation
    Lactation Location Medicine ProgenyDetails Ration ReproEmbryo ReproSemenStraw SchemeType SchemeValue Statistics
    TestDay
""")
"""What is no event: kept as it was said, no facts are made of it."""

KNOWN = ANIMAL_EVENTS | GROUP_EVENTS | OTHERS
"""All of them. Templates (``EventCore``), answers (``BatchResult``) and links are no messages."""

_PREFIXES = ("http://data.adewg.icar.org/core/", "https://data.adewg.icar.org/core/", "icar:")
_ALIASES = {
    "AnimalCore": "Animal",
    "TestDayResult": "TestDayResultEvent",
    "ReproInsemonationEvent": "ReproInseminationEvent",  # as the catalogue of 1.3 spells it
    "ReproMatingRecommendationEvent": "ReproMatingRecommendation",
}


def short_name(given: str) -> str | None:
    """The short name of a type, whichever way it is written; none where ICAR ADE 1.3 has no such resource."""
    name = given.strip()
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    if name.startswith("icar") and name[4:5].isupper():
        name = name.removeprefix("icar")
    name = name.removesuffix("Resource")
    name = _ALIASES.get(name, name)
    return name if name in KNOWN else None
