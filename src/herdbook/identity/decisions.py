"""What people said about who is who, as far as it holds, for those who match tracklets anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

HOLDS = "NOT EXISTS (SELECT 1 FROM identity.operation AS u WHERE u.undoes = {}.operation_id)"
"""SQL: whether a decision or an operation was not undone."""
_DECISIONS = f"""
SELECT x.tracklet_id, x.says, x.animal_id
FROM identity.decision AS x
WHERE x.load_id = ? AND x.says IN ('is', 'nobody', 'is not') AND {HOLDS.format("x")}
ORDER BY x.recorded_at, x.decision_id
"""  # noqa: S608 - ours
_RENAMINGS = f"""
SELECT o.other_animal_id, o.animal_id, o.valid_from, o.valid_to
FROM identity.operation AS o
WHERE o.kind IN ('merge', 'retag') AND o.animal_id IS NOT NULL AND o.other_animal_id IS NOT NULL
    AND {HOLDS.format("o")}
ORDER BY o.recorded_at, o.operation_id
"""  # noqa: S608 - ours


@dataclass(frozen=True)
class Renaming:
    """That one animal of the roster is another, from when until when."""

    other: str
    into: str
    since: datetime | None
    until: datetime | None

    def overlaps(self, starts_at: datetime | None, ends_at: datetime | None) -> bool:
        """Whether it says anything of an interval; None is without end."""
        begins = self.until is None or starts_at is None or starts_at < self.until
        return begins and (self.since is None or ends_at is None or ends_at > self.since)


@dataclass(frozen=True)
class ByHand:
    """What holds of a load's tracklets."""

    fixed: dict[str, str | None]
    """Tracklets that are this animal, or nobody known, by a person's word."""
    excluded: tuple[tuple[str, str], ...]
    """Tracklets, and an animal that each is not."""
    renamings: tuple[Renaming, ...]
    """Merged animals, in the order in which they were merged."""


def by_hand(lake: duckdb.DuckDBPyConnection, load_id: str, starts_at: datetime, ends_at: datetime) -> ByHand:
    """What people said of a load's tracklets, and of animals in its time.

    Args:
        lake: an open lake.
        load_id: the load.
        starts_at: begin of the interval that renamings are wanted of.
        ends_at: its end.
    """
    fixed: dict[str, str | None] = {}
    excluded = []
    for tracklet, says, animal in lake.execute(_DECISIONS, [load_id]).fetchall():
        if says == "is not":
            excluded.append((tracklet, animal))
        else:
            fixed[tracklet] = animal
    return ByHand(fixed, tuple(excluded), tuple(r for r in renamings(lake) if r.overlaps(starts_at, ends_at)))


def renamings(lake: duckdb.DuckDBPyConnection) -> list[Renaming]:
    """All merges that hold."""
    return [Renaming(*row) for row in lake.execute(_RENAMINGS).fetchall()]


def finally_called(animal_id: str, renamed: Sequence[Renaming]) -> str:
    """The name under which an animal's records are kept, by renamings that all hold at one time."""
    seen = {animal_id}
    while True:
        into = next((r.into for r in renamed if r.other == animal_id), animal_id)
        if into in seen:
            return animal_id
        animal_id = into
        seen.add(animal_id)


def names_of(animal_id: str, renamed: Iterable[Renaming]) -> set[str]:
    """An animal's name and those of animals that were merged into it, directly or through others."""
    names = {animal_id}
    renamed = list(renamed)
    while more := {r.other for r in renamed if r.into in names} - names:
        names |= more
    return names
