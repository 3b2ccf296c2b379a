"""The rules by which a device raises alerts: data that a release carries (``Release.alerts``), never code.

Example::

    {"format": "herdbook-alerts/1", "ethogram_id": "pig-9", "rules": [
      {"kind": "not-at-feeder", "rule_id": "animal-off-feed", "about": "animal", "severity": "warning",
       "hours": 24, "behaviours": ["eating"], "longest_gap_minutes": 45, "observed_share": 0.8}]}

Time counts where it was observed: a camera that was off is a gap in what is known, never an absence.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Annotated, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from herdbook.contracts.camera import Contract, ZoneKind
from herdbook.contracts.ethogram import load_ethogram
from herdbook.contracts.identifiers import Slug
from herdbook.contracts.validation import first_problem
from herdbook.errors import NotFoundError, ReleaseDataError

MAX_RULES_BYTES = 1 << 20
_Share = Annotated[float, Field(ge=0, le=1)]
_Minutes = Annotated[float, Field(ge=1, le=1440)]


class Severity(StrEnum):
    """How soon somebody should look."""

    NOTICE = "notice"
    WARNING = "warning"
    URGENT = "urgent"


class Subject(StrEnum):
    """What an alert is about."""

    ANIMAL = "animal"
    PEN = "pen"
    TRACKLET = "tracklet"
    """An animal that has no name here."""


class RuleKind(StrEnum):
    """Kinds of rules."""

    NOT_AT_FEEDER = "not-at-feeder"
    LYING = "lying"
    CROWDING = "crowding"


class _Rule(Contract):
    rule_id: Slug
    severity: Severity = Severity.WARNING


class NotAtFeederRule(_Rule):
    """Nothing was eaten for so many observed hours.

    A visit is a bout of one of ``behaviours``, or any upright bout in a feeder zone. Observed hours since the last one
    count; what was not observed does not, and where it was longer than ``longest_gap_minutes`` counting begins anew:
    the animal may have eaten then. Silent in a pen of which no visit was seen in the days kept: its feeder is not seen.
    """

    kind: Literal[RuleKind.NOT_AT_FEEDER] = RuleKind.NOT_AT_FEEDER
    about: Literal[Subject.ANIMAL, Subject.PEN] = Subject.ANIMAL
    """``animal``: each animal, named or not; ``pen``: nobody of the pen came."""
    hours: Annotated[float, Field(gt=0, le=96)]
    behaviours: Annotated[tuple[Slug, ...], Field(max_length=16)] = ("eating",)
    shortest_visit_s: Annotated[float, Field(ge=0, le=3600)] = 10.0
    longest_gap_minutes: _Minutes = 45.0
    observed_share: _Share = 0.8
    """Of the time since the last visit, how much must have been observed."""


class LyingRule(_Rule):
    """The day's lying share lies far above the subject's own past days: at most one alert per run of such days.

    Far is ``spreads`` robust standard deviations (1.4826 times the median absolute deviation, but at least
    ``least_spread``) above the median, and ``excess`` of the day besides. Only days of one release are compared.
    """

    kind: Literal[RuleKind.LYING] = RuleKind.LYING
    about: Literal[Subject.ANIMAL, Subject.PEN] = Subject.ANIMAL
    spreads: Annotated[float, Field(gt=0, le=50)]
    excess: _Share
    """Difference of lying shares."""
    least_spread: Annotated[float, Field(gt=0, le=1)] = 0.02
    history_days: Annotated[int, Field(ge=3, le=60)] = 28
    least_days: Annotated[int, Field(ge=3, le=60)] = 10
    """Past days without which nothing is said."""
    observed_share: _Share = 0.6
    """Of a day, how much must have been observed for it to count."""

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if self.least_days > self.history_days:
            raise ValueError("least_days is more than history_days")
        return self


class CrowdingRule(_Rule):
    """Most of a pen's visible animals are together, on average over ``minutes``.

    Either those with at least ``neighbours`` others within ``distance`` body lengths (of the longest diagonal of a box,
    its median over the animals seen), or those in zones of the kind ``zone``.
    """

    kind: Literal[RuleKind.CROWDING] = RuleKind.CROWDING
    about: Literal[Subject.PEN] = Subject.PEN
    share: Annotated[float, Field(gt=0, le=1)]
    minutes: _Minutes
    animals: Annotated[int, Field(ge=2, le=1000)] = 4
    """Fewer visible animals are no crowd."""
    distance: Annotated[float, Field(gt=0, le=10)] | None = None
    """Between centres, body lengths."""
    neighbours: Annotated[int, Field(ge=1, le=100)] = 3
    zone: ZoneKind | None = None
    observed_share: _Share = 0.8
    """Of the minutes, how many must have been observed."""

    @model_validator(mode="after")
    def _one_measure(self) -> Self:
        if (self.distance is None) == (self.zone is None):
            raise ValueError("a crowd is told either by distance or by zone")
        return self


Rule = Annotated[NotAtFeederRule | LyingRule | CrowdingRule, Field(discriminator="kind")]


class AlertRules(Contract):
    """The rules for animals of one ethogram."""

    format: Literal["herdbook-alerts/1"] = "herdbook-alerts/1"
    ethogram_id: Slug
    rules: Annotated[tuple[Rule, ...], Field(max_length=64)]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len({rule.rule_id for rule in self.rules}) != len(self.rules):
            raise ValueError("two rules have the same rule_id")
        try:
            known = set(load_ethogram(self.ethogram_id).names)
        except NotFoundError as error:
            raise ValueError(error.message) from error
        for rule in self.rules:
            if isinstance(rule, NotAtFeederRule) and (unknown := set(rule.behaviours) - known):
                raise ValueError(f"{rule.rule_id}: {self.ethogram_id} has no behaviour '{min(unknown)}'")
        return self

    def to_bytes(self) -> bytes:
        """The rules as a release carries them; equal rules give equal bytes."""
        return (self.model_dump_json(indent=1) + "\n").encode()


def parse_rules(raw: bytes) -> AlertRules:
    """Read rules from a release's file.

    Raises:
        ReleaseDataError: they are not valid; the message names the first problem.
    """
    if len(raw) > MAX_RULES_BYTES:
        raise ReleaseDataError(f"the alert rules have {len(raw)} bytes, more than {MAX_RULES_BYTES}")
    try:
        return AlertRules.model_validate_json(raw)
    except ValidationError as error:
        raise ReleaseDataError(f"alert rules, {first_problem(error.errors(), 'as a whole')}") from error


@cache
def default_rules(ethogram_id: str) -> bytes:
    """The rules that a release carries when nobody says otherwise, as the bytes of its ``alerts.json``.

    Raises:
        NotFoundError: there are none for that ethogram.
        ReleaseDataError: the shipped file is not valid.
    """
    folder = resources.files("herdbook.contracts") / "alert_defaults"
    known = {entry.name.removesuffix(".yaml"): entry for entry in folder.iterdir() if entry.name.endswith(".yaml")}
    if ethogram_id not in known:
        raise NotFoundError(
            f"there are no alert rules for '{ethogram_id}'", f"There are rules for: {', '.join(sorted(known))}."
        )
    try:
        rules = AlertRules.model_validate(yaml.safe_load(known[ethogram_id].read_text(encoding="utf-8")))
    except (ValidationError, yaml.YAMLError) as error:
        raise ReleaseDataError(f"alert rules of '{ethogram_id}': {error}") from error
    return rules.to_bytes()
