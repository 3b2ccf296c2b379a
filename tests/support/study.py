"""Small studies, and small herds written out by hand for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from herdbook.studies.assemble import Assembled, assemble
from herdbook.studies.assurance import source_of
from herdbook.studies.assurance_rows import Assurance
from herdbook.studies.definition import Study
from herdbook.studies.source import Source

DAY = date(2023, 3, 31)
"""The day that hand-written herds turn around."""
STUDY: dict[str, Any] = {
    "study": "s",
    "population": {"since": "2023-01-01", "until": "2023-12-31"},
    "outcome": {"name": "lame", "any_of": [{"kind": "diagnosis"}]},
    "exposure": {"primary": {"measure": "lying_share", "per": 0.05}},
}


def study(**changes: Any) -> Study:
    """A study of diagnoses and lying, but for some fields."""
    return Study.model_validate(STUDY | changes)


def at(days: int) -> date:
    """Days from `DAY`."""
    return DAY + timedelta(days=days)


def stay(animal: str, since: int = -80, **more: Any) -> dict[str, Any]:
    """An animal in a pen."""
    return {"animal": animal, "since": at(since), **more}


def ill(animal: str, day: int = 0, **more: Any) -> dict[str, Any]:
    """A diagnosis."""
    return {"animal": animal, "day": at(day), "kind": "diagnosis", **more}


def lay(animal: str, share: float, since: int = -30, until: int = 30, **more: Any) -> dict[str, Any]:
    """Alike days."""
    return {"animal": animal, "since": at(since), "until": at(until), "lying_share": share, **more}


def seen(
    asked: Study,
    stays: Sequence[dict[str, Any]],
    labels: Sequence[dict[str, Any]],
    days: Sequence[dict[str, Any]] = (),
    bridges: Sequence[dict[str, Any]] = (),
) -> Assembled:
    """What a study sees of a herd. Animals whose days are not given lie half of the time."""
    with by_hand(stays, labels, days, bridges) as source:
        return assemble(asked, source)


def by_hand(
    stays: Sequence[dict[str, Any]],
    labels: Sequence[dict[str, Any]],
    days: Sequence[dict[str, Any]] = (),
    bridges: Sequence[dict[str, Any]] = (),
) -> Source:
    """A herd. Animals whose days are not given lie half of the time."""
    given = {d["animal"] for d in days}
    others = [lay(s["animal"], 0.5) for s in stays if s["animal"] not in given]
    herd = {"name": "by hand", "stays": stays, "labels": labels, "days": [*days, *others], "bridges": bridges}
    return source_of(Assurance.model_validate(herd | {"expect": []}))


def left_out(assembled: Assembled) -> dict[str, str | None]:
    """Each episode's reason, by set."""
    return {row["set_id"]: row["left_out"] for row in assembled.cases.to_pylist()}


def members(assembled: Assembled) -> dict[str, list[str]]:
    """Controls by set."""
    found: dict[str, list[str]] = {}
    for row in assembled.rows.to_pylist():
        found.setdefault(row["set_id"], [])
        if not row["is_case"]:
            found[row["set_id"]].append(row["animal_id"])
    return found
