"""What the farm wrote down, as the lake's label table: diagnoses, treatments, lameness scores, who came and went."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from herdbook.simulate.herd.columns import TIME
from herdbook.simulate.herd.days import DeviceDays
from herdbook.simulate.herd.farm_rows import how_it_left, instant, source_of
from herdbook.simulate.herd.hazard import CULLED, DIED, STAYED
from herdbook.simulate.herd.labels import NEVER, rounds
from herdbook.simulate.herd.names import Names
from herdbook.simulate.herd.plan import HerdPlan
from herdbook.simulate.streams import stream

SOURCE = "herd-notes"
SCALE = "locomotion-1-5"
SOUND_POINTS, LAME_POINTS = (1.0, 1.0, 1.0, 1.5, 1.5, 2.0), (2.5, 3.0, 3.0, 3.5, 4.0)
"""What animals would be scored by an observer without error; each point is as likely."""
SITES = ("LegsFrontLeft", "LegsFrontRight", "LegsRearLeft", "LegsRearRight")
"""ICAR ADE's positions."""
_SEEN_AT, _WRITTEN_AT, _CAME_AT = 10.0, 18.0, 20.0
"""Hours of the day at which labels are seen, written down and received."""

_TEXTS = ("label_id", "animal_id", "farm_id", "kind", "value_text", "scale", "unit", "site", "severity", "observer")
SCHEMA = pa.schema(
    [pa.field(name, pa.string()) for name in (*_TEXTS, "source", "source_id", "import_id")]
    + [pa.field("value_number", pa.float64()), pa.field("retracted", pa.bool_())]
    + [pa.field(name, TIME) for name in ("occurred_after", "occurred_by", "recorded_at", "received_at")]
)


def label_rows(plan: HerdPlan, parts: Sequence[DeviceDays]) -> pa.Table:
    """``label.label`` of the whole farm: one version of every fact, received when it would have been."""
    names = Names(plan)
    common = {"farm_id": plan.farm_id, "source": SOURCE, "import_id": source_of(names), "retracted": False}
    found: list[dict[str, Any]] = []
    for device, part in enumerate(parts):
        for kind, facts in (
            ("life", _lives(plan, names, device, part)),
            ("diagnosis", _diagnoses(plan, names, device, part)),
            ("score", _scores(plan, names, device, part)),
        ):
            for n, fact in enumerate(facts, start=1):
                source_id = f"{names.device(device)}/{kind}/{n}"
                found.append(common | fact | {"source_id": source_id, "label_id": _label_id(plan.farm_id, source_id)})
    return pa.Table.from_pylist(found, schema=SCHEMA)


def _label_id(farm: str, source_id: str) -> str:
    """As `herdbook.labels.facts.label_id` names a fact, so that a later import of the same source meets it."""
    return hashlib.sha256("\0".join((farm, SOURCE, source_id)).encode()).hexdigest()[:32]


def _lives(plan: HerdPlan, names: Names, device: int, part: DeviceDays) -> Iterator[dict[str, Any]]:
    columns = (part.animals.entry, part.ends.exit, part.ends.cause)
    for a, (entry, leaves, cause) in enumerate(zip(*(c.tolist() for c in columns), strict=True)):
        animal = {"animal_id": names.animal(device, a)}
        yield animal | {"kind": "arrival"} | _at_once(instant(plan, entry))
        if cause != STAYED:
            reason = {CULLED: "culled", DIED: "died"}.get(cause, "planned")
            yield animal | {"kind": how_it_left(cause), "value_text": reason} | _at_once(instant(plan, leaves))


def _diagnoses(plan: HerdPlan, names: Names, device: int, part: DeviceDays) -> Iterator[dict[str, Any]]:
    d, rng = part.diagnoses, stream(plan.seed, plan.farm_id, device, "diagnosis notes")
    sites, severe = rng.integers(0, len(SITES), len(d.animal)).tolist(), (rng.random(len(d.animal)) < 0.3).tolist()
    columns = (d.animal, d.day, d.sound_on, d.recorded, d.received, d.observer)
    for k, (a, day, sound, recorded, received, observer) in enumerate(zip(*(c.tolist() for c in columns), strict=True)):
        fact = {
            "animal_id": names.animal(device, a),
            "occurred_by": instant(plan, day, _SEEN_AT),
            "recorded_at": instant(plan, recorded, _WRITTEN_AT),
            "received_at": instant(plan, received, _CAME_AT),
            "observer": _observer(observer),
            "site": SITES[sites[k]],
        }
        sound_at = None if sound == NEVER else instant(plan, sound, _SEEN_AT)
        severity = "severe" if severe[k] else "moderate"
        named = {"kind": "diagnosis", "value_text": "lameness", "scale": "local", "severity": severity}
        yield fact | named | {"occurred_after": sound_at}
        yield fact | {"kind": "treatment", "value_text": "anti-inflammatory"}


def _scores(plan: HerdPlan, names: Names, device: int, part: DeviceDays) -> Iterator[dict[str, Any]]:
    """Scores of every round, by an observer with a bias and an error; some by a second observer, too."""
    rng = stream(plan.seed, plan.farm_id, device, "scores")
    bias = stream(plan.seed, plan.farm_id, "observers").standard_normal(plan.labels.observers) * plan.labels.observer_sd
    lame = np.zeros(part.there.shape, bool)
    for a, index in zip(part.illnesses.animal.tolist(), part.illnesses.index.tolist(), strict=True):
        lame[part.animals.place[a], index : index + plan.illness.illness_days] = True
    for day in rounds(plan).tolist():
        places = np.nonzero(part.there[:, day])[0]
        n = len(places)
        points = np.where(lame[places, day], rng.choice(LAME_POINTS, n), rng.choice(SOUND_POINTS, n))
        first = rng.integers(0, plan.labels.observers, n)
        again = rng.random(n) < (plan.labels.double_scored if plan.labels.observers > 1 else 0)
        second = (first + rng.integers(1, max(plan.labels.observers, 2), n)) % plan.labels.observers
        errors = rng.standard_normal((2, n)) * plan.labels.score_sd
        when = _when(plan, day, rng)
        for k in range(n):
            for observer, error in ((first[k], errors[0, k]), (second[k], errors[1, k]))[: 1 + int(again[k])]:
                score = np.clip(np.rint((points[k] + bias[observer] + error) * 2) / 2, 1, 5)
                animal = int(part.animals.occupant[places[k], day])
                what = {"kind": "lameness_score", "value_number": float(score), "scale": SCALE}
                yield when | what | {"animal_id": names.animal(device, animal), "observer": _observer(int(observer))}


def _when(plan: HerdPlan, day: int, rng: np.random.Generator) -> dict[str, datetime]:
    """A round is written down the same day and reaches us as one list."""
    late = int(rng.exponential(plan.labels.receive_days)) if plan.labels.receive_days else 0
    return {
        "occurred_by": instant(plan, day, _SEEN_AT),
        "recorded_at": instant(plan, day, _WRITTEN_AT),
        "received_at": instant(plan, day + late, _CAME_AT),
    }


def _at_once(moment: datetime) -> dict[str, datetime]:
    return {"occurred_by": moment, "recorded_at": moment, "received_at": moment}


def _observer(number: int) -> str:
    return f"stockperson {chr(ord('A') + number)}"
