"""Who is compared with whom: the three designs that a definition chooses from.

Every design makes ``study_member``: rows of an animal and an index day in a set within which rows are compared. So
windows, exposures, leakage and model changes are one thing for all of them (docs/adr/0221-three-designs-one-table.md).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from herdbook.contracts.camera import Contract
from herdbook.studies.criteria import Criterion, Days

Matched = Literal["farm", "pen", "sex"]


class CaseControl(Contract):
    """Nested case-control with risk-set (incidence-density) sampling; docs/adr/0220-nested-case-control-first.md."""

    kind: Literal["nested-case-control"] = "nested-case-control"
    controls: Annotated[int, Field(ge=1, le=100, strict=True)] = 4
    match: tuple[Matched, ...] = ("farm", "pen")
    age_within_days: Days | None = None
    stay_within_days: Days | None = None
    """How far times of entry may lie apart."""

    @property
    def parameters(self) -> dict[str, Any]:
        """Its figures by the names that steps use."""
        return {
            "match": list(self.match),
            "controls": self.controls,
            "age_within_days": self.age_within_days,
            "stay_within_days": self.stay_within_days,
            "beside_case": True,
            "beside": "cases, and animals at risk beside them",
            "drawn": "drawn",
        }


class Cohort(Contract):
    """Animals from their entry to the outcome, a competing event, or the end of what is known of them.

    An animal enters late where it came before the study or must first be observed through the wash-out (left
    truncation); it is censored where it leaves for another reason, or at the study's end.
    """

    kind: Literal["cohort"]
    time: Literal["days-on-farm", "age", "calendar"] = "days-on-farm"
    """What is counted from 0 and held equal, since only animals at the same time are compared: what drives the risk."""
    exposed: Literal["by-day", "at-entry"] = "by-day"
    """The window before every day at risk, or the window before an animal's first day at risk."""
    strata: tuple[Matched, ...] = ("farm", "pen")
    """Animals of different strata are never compared."""
    competing: tuple[Criterion, ...] = ()
    """Labels of what makes the outcome impossible, such as culling or death; each must end an animal's time."""
    ties: Literal["efron", "breslow"] = "efron"

    @property
    def parameters(self) -> dict[str, Any]:
        """Its figures by the names that steps use."""
        by_day = self.exposed == "by-day"
        return {
            "time": self.time,
            "by_day": by_day,
            "strata": list(self.strata),
            "beside_case": False,
            "beside": "cases, and animals followed",
            "drawn": "at risk when a case happened" if by_day else "followed",
        }


class Crossover(Contract):
    """A case's window against earlier windows of the same animal (Maclure 1991)."""

    kind: Literal["crossover"]
    references: Annotated[int, Field(ge=1, le=50, strict=True)] = 4
    """Earlier windows of each case, at most."""
    apart_days: Annotated[int, Field(ge=1, le=365, strict=True)] = 14
    """From one index day to the one before it."""

    @property
    def parameters(self) -> dict[str, Any]:
        """Its figures by the names that steps use."""
        return {
            "references": self.references,
            "apart_days": self.apart_days,
            "beside_case": True,
            "beside": "cases, and earlier windows of theirs at risk",
            "drawn": "windows",
        }


def _which(given: Any) -> str | None:
    kind = given.get("kind", "nested-case-control") if isinstance(given, dict) else getattr(given, "kind", None)
    return kind if isinstance(kind, str) else None


Design = Annotated[
    Annotated[CaseControl, Tag("nested-case-control")]
    | Annotated[Cohort, Tag("cohort")]
    | Annotated[Crossover, Tag("crossover")],
    Discriminator(
        _which,
        custom_error_type="design",
        custom_error_message="there are: nested-case-control, cohort, crossover",
    ),
]
"""Nested case-control where no kind is named."""
