"""What kinds of facts there are, and the scales and units their values come in. None is ever converted silently."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class LabelKind(StrEnum):
    """Kinds of facts about one animal."""

    LAMENESS_SCORE = "lameness_score"
    DIAGNOSIS = "diagnosis"
    TREATMENT = "treatment"
    WEIGHT = "weight"
    CONDITION_SCORE = "condition_score"
    HEAT = "heat"
    INSEMINATION = "insemination"
    PREGNANCY_CHECK = "pregnancy_check"
    PARTURITION = "parturition"
    ABORTION = "abortion"
    DRY_OFF = "dry_off"
    DEATH = "death"
    DEPARTURE = "departure"
    ARRIVAL = "arrival"
    BIRTH = "birth"
    CONFORMATION = "conformation"
    HEALTH_STATUS = "health_status"
    REPRODUCTION_STATUS = "reproduction_status"
    LACTATION_STATUS = "lactation_status"
    DO_NOT_BREED = "do_not_breed"
    MILKING = "milking"
    """Milk of one milking."""
    MILK_24H = "milk_24h"
    """Milk of a test day."""
    FEED_INTAKE = "feed_intake"
    """Feed eaten in one visit."""


@dataclass(frozen=True)
class Scale:
    """An ordinal scale: its ends and the step between its values."""

    low: float
    high: float
    step: float

    def holds(self, value: float) -> bool:
        """Whether a value is on the scale."""
        return self.low <= value <= self.high and ((value - self.low) / self.step).is_integer()

    @property
    def values(self) -> tuple[float, ...]:
        """Every value, in order."""
        return tuple(self.low + n * self.step for n in range(round((self.high - self.low) / self.step) + 1))


SCALES = {
    # Sprecher et al. 1997 (Theriogenology 47); half points are in common use: lame at >= 2, 2.5 or 3 by study.
    "locomotion-1-5": Scale(1, 5, 0.5),
    # AHDB Dairy mobility score: 0 good to 3 severely impaired.
    "mobility-0-3": Scale(0, 3, 1),
    # ICAR conformation recording: linear traits from 1 to 9.
    "conformation-1-9": Scale(1, 9, 1),
    # The same guideline's composite traits (feet and legs, udder, final score).
    "conformation-50-99": Scale(50, 99, 1),
    # Edmonson et al. 1989 (J Dairy Sci 72): quarter points.
    "condition-1-5": Scale(1, 5, 0.25),
}


@dataclass(frozen=True)
class KindRule:
    """What the value of a kind must be.

    ``scales`` and ``units`` are those allowed; the first unit is the default. Text values carry an optional free scale,
    the code scheme (``icar``, ``local``).
    """

    value: Literal["number", "text"]
    required: bool
    scales: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    may_be_zero: bool = False
    """Of a value with a unit: a visit to the robot without milk is a visit."""


KILOGRAMS = {"kg": 1.0, "g": 0.001, "lb": 0.45359237}
"""Of each unit of mass; the international pound is exact (agreement of 1959). For who shows several in one picture."""

_REASON = KindRule("text", required=False)
_STATUS = KindRule("text", required=True)

RULES: dict[LabelKind, KindRule] = {
    LabelKind.LAMENESS_SCORE: KindRule(
        "number", required=True, scales=("locomotion-1-5", "mobility-0-3", "conformation-1-9")
    ),
    LabelKind.DIAGNOSIS: KindRule("text", required=True),
    LabelKind.TREATMENT: _REASON,
    LabelKind.WEIGHT: KindRule("number", required=True, units=("kg", "g", "lb")),
    LabelKind.CONDITION_SCORE: KindRule("number", required=True, scales=("condition-1-5", "conformation-1-9")),
    LabelKind.HEAT: _REASON,
    LabelKind.INSEMINATION: _REASON,
    LabelKind.PREGNANCY_CHECK: KindRule("text", required=True, choices=("pregnant", "empty", "unclear")),
    LabelKind.PARTURITION: _REASON,
    LabelKind.ABORTION: _REASON,
    LabelKind.DRY_OFF: _REASON,
    LabelKind.DEATH: _REASON,
    LabelKind.DEPARTURE: _REASON,
    LabelKind.ARRIVAL: _REASON,
    LabelKind.BIRTH: _REASON,
    LabelKind.CONFORMATION: KindRule("number", required=True, scales=("conformation-1-9", "conformation-50-99")),
    LabelKind.HEALTH_STATUS: _STATUS,
    LabelKind.REPRODUCTION_STATUS: _STATUS,
    LabelKind.LACTATION_STATUS: _STATUS,
    LabelKind.DO_NOT_BREED: KindRule("text", required=True, choices=("yes", "no")),
    LabelKind.MILKING: KindRule("number", required=True, units=("kg", "lb"), may_be_zero=True),
    LabelKind.MILK_24H: KindRule("number", required=True, units=("kg", "lb"), may_be_zero=True),
    LabelKind.FEED_INTAKE: KindRule("number", required=True, units=("kg", "g", "lb"), may_be_zero=True),
}


def value_problem(kind: LabelKind, value: float | str | None, scale: str | None) -> str | None:
    """Why a value cannot be one of this kind, or none."""
    rule = RULES[kind]
    if value is None:
        return f"a {kind.value} needs a value" if rule.required else None
    if isinstance(value, str):
        if rule.choices and value not in rule.choices:
            return f"'{value}' is none of {', '.join(rule.choices)}"
        return None
    if rule.scales and scale is not None and not SCALES[scale].holds(value):
        s = SCALES[scale]
        return f"{value:g} is not on the scale {scale} ({s.low:g} to {s.high:g} by {s.step:g})"
    if rule.units and not (0 < value < 1e7 or (value == 0 and rule.may_be_zero)):
        return f"{value:g} is not a {kind.value}"
    return None
