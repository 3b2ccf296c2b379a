"""Facts outside an animal's life on the farm are mistakes: before its birth, after its death, after it left."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime

from herdbook.labels.cells import RowProblem
from herdbook.labels.facts import Fact
from herdbook.labels.kinds import LabelKind
from herdbook.roster.moments import earliest

_ENDS = (LabelKind.DEATH, LabelKind.DEPARTURE, LabelKind.ARRIVAL)

LifeEvent = tuple[str, LabelKind, datetime]
"""Animal, death, departure or arrival, and by when it had occurred."""


class Lifespans:
    """When each animal died, left and came back, by all sources together."""

    def __init__(self, events: Iterable[LifeEvent], born_on: dict[str, date | None], timezone: str) -> None:
        self._born_on, self._timezone = born_on, timezone
        self._times: dict[tuple[str, LabelKind], list[datetime]] = defaultdict(list)
        for animal_id, kind, at in events:
            self._times[animal_id, kind].append(at)

    def require_alive(self, fact: Fact, animal_id: str) -> None:
        """Check that an animal was alive and on the farm when a fact was seen.

        Raises:
            RowProblem: it was not.
        """
        born = self._born_on.get(animal_id)
        if born is not None and fact.occurred_by < earliest(born, self._timezone):
            raise RowProblem(f"{animal_id} was born only on {born:%F}")
        if fact.kind in _ENDS:
            return
        died = min(self._times[animal_id, LabelKind.DEATH], default=None)
        if died is not None and fact.occurred_from > died:
            raise RowProblem(f"{animal_id} had died by {died:%F}")
        left = max((t for t in self._times[animal_id, LabelKind.DEPARTURE] if t < fact.occurred_from), default=None)
        back = (t for t in self._times[animal_id, LabelKind.ARRIVAL] if left is not None and t > left)
        if left is not None and not any(t <= fact.occurred_by for t in back):
            raise RowProblem(f"{animal_id} had left the farm by {left:%F}")


def is_life_event(kind: LabelKind) -> bool:
    """Whether facts of this kind open or close an animal's life on the farm."""
    return kind in _ENDS
