"""What the farm itself wrote down, each file as `herdbook labels import` reads it with the mapping beside it.

The whole herd is scored for lameness once a week, first a week before the first day. A lame animal that nobody has
noticed yet passes as sound there; it is scored again, and diagnosed, when the farm notices.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from herdbook.contracts import farmtime
from herdbook.simulate.farm import Animal, Farm
from herdbook.simulate.roster import EAR_TAG_SCHEME
from herdbook.simulate.stage.species import SPECIES
from herdbook.simulate.streams import stream
from herdbook.simulate.tables import write_csv, write_yaml

SCORING_DAYS = 7
SOUND = 1
GAIN_KG_PER_DAY = 0.8
POSITIONS = {
    "fore left": "LegsFrontLeft",
    "fore right": "LegsFrontRight",
    "hind left": "LegsRearLeft",
    "hind right": "LegsRearRight",
}
"""Legs as the farm writes them, and as ICAR ADE does."""

_OBSERVERS = ("stockperson A", "stockperson B")
_VET = "vet"


def write_farm_records(folder: Path, farm: Farm) -> None:
    """Write ``lameness``, ``diagnoses`` and ``weights``, each as ``.csv`` with its mapping as ``.yaml``."""
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(
        folder / "lameness.csv",
        ("record_no", "ear_tag", "date", "score", "last_sound_on", "observer"),
        ((f"L{n:05d}", *row) for n, row in enumerate(_scores(farm), start=1)),
    )
    write_csv(
        folder / "diagnoses.csv",
        ("record_no", "ear_tag", "date", "diagnosis", "leg", "severity", "observer"),
        ((f"D{n:05d}", *row) for n, row in enumerate(_diagnoses(farm), start=1)),
    )
    write_csv(
        folder / "weights.csv",
        ("record_no", "ear_tag", "date", "weight_kg"),
        ((f"W{n:05d}", *row) for n, row in enumerate(_weights(farm), start=1)),
    )
    common = {
        "source": "herd-notes",
        "farm": farm.plan.farm_id,
        "timezone": farm.plan.timezone,
        "animal": {"column": "ear_tag", "scheme": EAR_TAG_SCHEME},
        "occurred_by": "date",
        "source_id": ["record_no"],
    }
    score = {"kind": "lameness_score", "value": {"column": "score", "scale": "locomotion-1-5"}}
    write_yaml(
        folder / "lameness.yaml", common | {"event": score, "occurred_after": "last_sound_on", "observer": "observer"}
    )
    diagnosis = {"kind": "diagnosis", "value": {"column": "diagnosis", "scale": "local"}}
    site = {"column": "leg", "values": POSITIONS}
    write_yaml(
        folder / "diagnoses.yaml",
        common | {"event": diagnosis, "site": site, "severity": "severity", "observer": "observer"},
    )
    weight = {"kind": "weight", "value": {"column": "weight_kg", "unit": "kg"}}
    write_yaml(folder / "weights.yaml", common | {"event": weight})


def _rounds(farm: Farm) -> list[date]:
    first = farm.plan.start_day - timedelta(days=SCORING_DAYS)
    days = (farm.plan.simulated_days()[-1] - farm.plan.start_day).days + 1
    return [first + timedelta(days=d) for d in range(0, SCORING_DAYS + days, SCORING_DAYS)]


def _noticed_on(farm: Farm, animal: Animal) -> date | None:
    course = animal.lameness
    return None if course is None else farmtime.local_day(course.noticed_at, farm.plan.timezone)


def _scores(farm: Farm) -> Iterator[tuple[object, ...]]:
    """Ear tag, day, score, last day scored sound, observer; by day."""
    rows: list[tuple[date, str, int, date | None]] = []
    rounds = _rounds(farm)
    for animal in farm.animals:
        noticed = _noticed_on(farm, animal)
        rows += [(day, animal.ear_tag, SOUND, None) for day in rounds if noticed is None or day < noticed]
        if noticed is not None and animal.lameness is not None:
            last_sound = max((day for day in rounds if day < noticed), default=None)
            rows.append((noticed, animal.ear_tag, animal.lameness.score, last_sound))
            rows += [(day, animal.ear_tag, animal.lameness.score, None) for day in rounds if day > noticed]
    for day, tag, score, last_sound in sorted(rows, key=lambda r: r[:2]):
        yield tag, day, score, last_sound, _OBSERVERS[day.toordinal() % len(_OBSERVERS)]


def _diagnoses(farm: Farm) -> Iterator[tuple[object, ...]]:
    """Ear tag, day, diagnosis, leg, severity, observer; the vet comes on the day the farm notices."""
    lame = [(_noticed_on(farm, a), a.ear_tag, a.lameness) for a in farm.animals if a.lameness is not None]
    for day, tag, course in sorted(lame, key=lambda row: (str(row[0]), row[1])):
        yield tag, day, course.diagnosis, course.leg, "moderate" if course.score == 3 else "severe", _VET


def _weights(farm: Farm) -> Iterator[tuple[object, ...]]:
    """Ear tag, day, kilograms; with the weekly scoring. ``weight_kg`` of the farm file is that of the first day."""
    rng, stage = stream(farm.plan.seed, farm.plan.farm_id, "weights"), farm.plan.stage
    gain = GAIN_KG_PER_DAY if stage is None else SPECIES[stage.species].gain_kg
    for day in _rounds(farm):
        for animal in farm.animals:
            age = (day - farm.plan.start_day).days
            yield animal.ear_tag, day, round(animal.weight_kg + gain * age + float(rng.normal(0, 0.5)), 1)
