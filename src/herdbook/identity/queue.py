"""The review queue: tracklets that matching left open, or on which a second animal is nearly as likely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb
import numpy as np

from herdbook.identity.bridge import bridges_folder
from herdbook.identity.decisions import HOLDS
from herdbook.identity.gather import gather
from herdbook.identity.words import CARRIED
from herdbook.lake.attach import open_lake
from herdbook.matching.decide import MatchOptions, likely
from herdbook.matching.exclusion import Floats
from herdbook.settings import Settings

CONTESTED = 0.2
"""An identified tracklet is contested where a second animal is at least so probable."""
CANDIDATES = 3


@dataclass(frozen=True)
class Candidate:
    """An animal that a tracklet may be."""

    animal_id: str
    probability: float
    reference: str | None
    """Its newest enrolled tracklet, to look at beside."""


@dataclass(frozen=True)
class Question:
    """A tracklet for a person to decide."""

    load_id: str
    tracklet_id: str
    camera_id: str
    pen_id: str | None
    started_at: datetime
    ended_at: datetime
    claimed: str | None
    """Animal that it is claimed to be, at whatever confidence."""
    confidence: float
    why: str
    """``abstained``: nobody is identified. ``contested``: somebody is, and another is nearly as likely."""
    candidates: tuple[Candidate, ...]
    """The most probable first."""

    @property
    def seconds(self) -> float:
        """How long it was followed."""
        return (self.ended_at - self.started_at).total_seconds()


_OPEN = f"""
SELECT t.tracklet_id, t.camera_id, c.pen_id, t.started_at, t.ended_at, i.animal_id, coalesce(i.confidence, 0)::DOUBLE,
    coalesce(i.identified, false)
FROM record.tracklet AS t
LEFT JOIN record.camera_setup AS c ON c.load_id = t.load_id AND c.camera_id = t.camera_id
LEFT JOIN identity AS i ON i.load_id = t.load_id AND i.tracklet_id = t.tracklet_id
WHERE t.load_id = ? AND NOT EXISTS (
    SELECT 1
    FROM identity.decision AS x
    WHERE x.load_id = t.load_id AND x.tracklet_id = t.tracklet_id AND x.says IN ('is', 'nobody', 'skipped')
        AND x.method NOT IN {CARRIED} AND {HOLDS.format("x")}
)
ORDER BY t.started_at, t.tracklet_id
"""  # noqa: S608 - ours


def questions(
    settings: Settings, load_ids: Sequence[str], *, limit: int, options: MatchOptions | None = None
) -> list[Question]:
    """What a person should look at, most worth it first: the longer a tracklet and the greater the doubt.

    Tracklets that a person decided or skipped, or that no animal of the pen is likely to be on, are not asked about.

    Args:
        settings: where the lake is.
        load_ids: loads to look through.
        limit: how many at most.
        options: how candidates are found; as in matching when omitted.

    Raises:
        NotFoundError: there is no such load.
        NotInitialisedError: there is no lake yet.
    """
    found: list[tuple[float, Question]] = []
    with open_lake(settings, read_only=True) as lake:
        for load_id in load_ids:
            found += _of_load(settings, lake, load_id, options or MatchOptions())
    found.sort(key=lambda f: (-f[0], f[1].tracklet_id))
    return [question for _, question in found[:limit]]


def _of_load(
    settings: Settings, lake: duckdb.DuckDBPyConnection, load_id: str, options: MatchOptions
) -> list[tuple[float, Question]]:
    day = gather(lake, load_id, options.overlap_tolerance_s, bridges=bridges_folder(settings.registry))
    chances = likely(day, options)
    place = {t: k for k, t in enumerate(day.tracklet_ids)}
    shown = _newest_reference(lake, day.animal_ids)
    found = []
    for tracklet, camera, pen, start, end, claimed, confidence, identified in lake.execute(_OPEN, [load_id]).fetchall():
        candidates = _candidates(chances[place[tracklet]], day.animal_ids, shown)
        others = [c.probability for c in candidates if c.animal_id != claimed]
        if not candidates or (identified and max(others, default=0.0) < CONTESTED):
            continue
        why = "contested" if identified else "abstained"
        question = Question(load_id, tracklet, camera, pen, start, end, claimed, round(confidence, 4), why, candidates)
        doubt = 1 - (confidence if identified else 0.0)
        found.append((question.seconds * doubt, question))
    return found


def _candidates(chances: Floats, animal_ids: Sequence[str], shown: dict[str, str]) -> tuple[Candidate, ...]:
    best = np.argsort(-chances[:-1], kind="stable")[:CANDIDATES]
    likeliest = [(animal_ids[k], round(float(chances[k]), 4)) for k in best.tolist() if chances[k] > 0]
    return tuple(Candidate(name, chance, shown.get(name)) for name, chance in likeliest if chance > 0)


def _newest_reference(lake: duckdb.DuckDBPyConnection, animal_ids: Sequence[str]) -> dict[str, str]:
    rows = lake.execute(
        "SELECT animal_id, arg_max(tracklet_id, seen_at) FROM enrolment "
        "WHERE animal_id IN (SELECT unnest(?::VARCHAR[])) GROUP BY animal_id",
        [list(animal_ids)],
    ).fetchall()
    return dict(rows)
