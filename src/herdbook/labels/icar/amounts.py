"""Weights, milk and feed: what ICAR messages state in units of mass. None is converted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from herdbook.labels.cells import RowProblem
from herdbook.labels.icar.document import Message
from herdbook.labels.icar.fields import identifier, number, part, parts, text
from herdbook.labels.icar.stated import Statement, animal_of, member_part
from herdbook.labels.kinds import LabelKind

_MASS = {"KGM": "kg", "GRM": "g", "LBR": "lb"}


def _mass(amount: Message, value: str, unit: str) -> tuple[float | None, str]:
    code = text(amount, unit) or "KGM"
    if code not in _MASS:
        raise RowProblem(f"{unit}: '{code}' is none of {', '.join(_MASS)}")
    return number(amount, value), _MASS[code]


def weight(message: Message, _: Mapping[str, str]) -> Iterator[Statement]:
    """The animal's own weight; a group's average is none."""
    weight = part(message, "weight")
    if text(weight, "method") != "GroupAverage":
        value, unit = _mass(weight, "measurement", "units")
        yield Statement(LabelKind.WEIGHT, animal_of(message), "weight", number=value, unit=unit)


def group_weight(message: Message, _: Mapping[str, str]) -> Iterator[Statement]:
    """The weights of those animals of a group that were weighed each."""
    if text(message, "method") == "GroupAverage":
        return
    for pair in parts(message, "animalWeights"):
        animal = identifier(pair)
        if animal is not None and pair.get("weight") is not None:
            value, unit = _mass({**message, **pair}, "weight", "units")
            yield Statement(LabelKind.WEIGHT, animal, member_part("weight", animal), number=value, unit=unit)


def milking(message: Message, _: Mapping[str, str]) -> Iterator[Statement]:
    """The milk of one visit."""
    value, unit = _mass(part(message, "milkingMilkWeight"), "value", "unitCode")
    kind = LabelKind.MILKING
    yield Statement(kind, animal_of(message), kind.value, when="milkingStartingDateTime", number=value, unit=unit)


def milk_of_test_day(message: Message, _: Mapping[str, str]) -> Iterator[Statement]:
    """The milk of 24 hours; a cow that was dry or sick has none."""
    if message.get("milkWeight24Hours") is not None:
        value, unit = _mass(part(message, "milkWeight24Hours"), "value", "unitCode")
        yield Statement(LabelKind.MILK_24H, animal_of(message), LabelKind.MILK_24H.value, number=value, unit=unit)


def feed(message: Message, _: Mapping[str, str]) -> Iterator[Statement]:
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
        kind, animal_of(message), kind.value, when="feedingStartingDateTime", number=total, unit=amounts[0][1]
    )
