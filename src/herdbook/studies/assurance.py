"""Check a definition against the small herds that are written beside it: the very steps, on tables in memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pyarrow as pa

from herdbook.contracts.ethogram import all_ethograms
from herdbook.contracts.farmtime import day_extent
from herdbook.errors import StudyDefinitionError
from herdbook.studies.assemble import assemble
from herdbook.studies.assurance_rows import Assurance
from herdbook.studies.definition import Study
from herdbook.studies.source import SCHEMAS, Source, memory_source

_FARM = "f"
_CLOSE = 1e-6


@dataclass(frozen=True)
class Checked:
    """One small herd's outcome."""

    name: str
    problems: tuple[str, ...]
    """Empty where everything came out as expected."""


def check(study: Study) -> tuple[Checked, ...]:
    """Run every small herd of a definition. Its population may name other farms and pens: here there is one farm.

    Raises:
        StudyDefinitionError: a herd's days name a column that is none, or the definition has no assurance rows.
    """
    if not study.assurance:
        raise StudyDefinitionError(f"{study.study} has no assurance rows", "Write some under `assurance`.")
    anywhere = study.population.model_copy(update={"farms": None, "pens": None, "species": None})
    here = study.model_copy(update={"population": anywhere})
    return tuple(Checked(a.name, tuple(_problems(here, a))) for a in study.assurance)


def _problems(study: Study, herd: Assurance) -> Iterator[str]:
    with source_of(herd) as source:
        assembled = assemble(study, source)
    case_of = {row["set_id"]: row["animal_id"] for row in assembled.rows.to_pylist() if row["is_case"]}
    found = {
        (case_of.get(row["set_id"], ""), row["animal_id"], row["index_day"]): row for row in assembled.rows.to_pylist()
    }
    for row in herd.expect:
        same = [
            key
            for key in found
            if key[:2] == (row["of"], row["animal"]) and ("index_day" not in row or _agree(row["index_day"], key[2]))
        ]
        if not same:
            yield f"expected {_said(row)}: there is no such row"
            continue
        got = found.pop(same[0])
        for name, value in row.items():
            if name in ("of", "animal"):
                continue
            if name not in got:
                raise StudyDefinitionError(f"{herd.name}: the analysis table has no column '{name}'")
            if not _agree(value, got[name]):
                yield f"{_said(row)}: {name} is {got[name]}"
    for case, animal, day in sorted(found):
        yield f"not expected: {animal} beside the case of {case} on {day}"


def _said(row: dict[str, Any]) -> str:
    return ", ".join(f"{k} {v}" for k, v in row.items())


def _agree(expected: Any, got: Any) -> bool:
    if isinstance(expected, float) and isinstance(got, int | float):
        return math.isclose(expected, got, abs_tol=_CLOSE)
    if isinstance(expected, str) and isinstance(got, date):  # a definition that was written out has texts
        return expected == got.isoformat()
    return bool(expected == got)


def source_of(herd: Assurance) -> Source:
    """A small herd, ready for `herdbook.studies.assemble`.

    Raises:
        StudyDefinitionError: its days name a column that `animal_day` has not, or studies do not read.
    """
    labels = [
        {
            "label_id": f"l{k}",
            "animal_id": label.animal,
            "farm_id": _FARM,
            "kind": label.kind,
            "value_text": label.text,
            "value_number": label.value,
            "scale": label.scale,
            "severity": label.severity,
            "occurred_after": None if label.sound is None else day_extent(label.sound, herd.timezone).start,
            "occurred_day": label.day,
        }
        for k, label in enumerate(herd.labels)
    ]
    stays = [
        {
            "animal_id": s.animal,
            "pen_id": s.pen,
            "valid_from": day_extent(s.since, herd.timezone).start,
            "valid_to": None if s.until is None else day_extent(s.until, herd.timezone).end,
        }
        for s in herd.stays
    ]
    animals = {
        s.animal: {"animal_id": s.animal, "farm_id": _FARM, "species": "any", "sex": s.sex, "born_on": s.born}
        for s in herd.stays
    }
    tables: dict[str, list[dict[str, Any]]] = {
        "farm": [{"farm_id": _FARM, "timezone": herd.timezone}],
        "pen": [{"pen_id": pen, "farm_id": _FARM} for pen in sorted({s.pen for s in herd.stays})],
        "animal": list(animals.values()),
        "pen_stay": stays,
        "label_current": labels,
        "bridge_behaviour": [
            {"from_release_id": b.from_release, "to_release_id": b.to_release}
            | {"behaviour": b.behaviour, "difference": b.difference, "low": b.low, "high": b.high}
            for b in herd.bridges
        ],
        "ethogram": [{"behaviour": b.name, "posture": b.posture.value} for e in all_ethograms() for b in e.behaviours],
    }
    for name, rows in _days(herd).items():
        tables[name] = rows
    return memory_source({name: pa.Table.from_pylist(rows, schema=SCHEMAS[name]) for name, rows in tables.items()})


def _days(herd: Assurance) -> dict[str, list[dict[str, Any]]]:
    """Each observed animal-day with one tracklet that was claimed for the animal."""
    found: dict[str, list[dict[str, Any]]] = {"animal_day": [], "tracklet": [], "identity": []}
    for given in herd.days:
        unknown = given.columns.keys() - set(SCHEMAS["animal_day"].names)
        if unknown:
            raise StudyDefinitionError(f"{herd.name}: animal_day has no column {', '.join(sorted(unknown))}")
        for k in range((given.until - given.since).days + 1):
            day = given.since + timedelta(days=k)
            key = {"farm_id": _FARM, "device_id": "d", "load_id": "l", "day": day}
            key["tracklet_id"] = f"{given.animal}:{day}"
            begins = datetime.combine(day, time(), UTC)
            when = {"started_at": begins, "ended_at": begins + timedelta(hours=given.hours)}
            claim = {"animal_id": given.animal, "confidence": given.confidence, "identified": True}
            found["animal_day"].append({"animal_id": given.animal, "day": day, **given.columns})
            found["tracklet"].append(key | when | {"release_id": given.release})
            found["identity"].append(key | claim)
    return found
