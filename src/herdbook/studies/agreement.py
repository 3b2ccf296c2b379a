"""How far observers agree, with each other and with themselves, from the scores in the lake.

A subject is one animal on one farm-local day. Where an observer scored it several times, these are rounds, in the order
of their times and source ids. Between observers: ICC(2,1) over the subjects of a round that every observer scored, and
quadratically weighted kappa of each pair over those that both did. Within an observer: ICC(2,1) over the rounds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import combinations

from herdbook.errors import EstimationError, NotFoundError
from herdbook.lake.attach import open_lake
from herdbook.settings import Settings
from herdbook.studies.estimate import icc, kappa
from herdbook.studies.estimate.icc import Agreement

_SCORES = """
SELECT
    animal_id || ' ' || occurred_day AS subject,
    observer,
    row_number() OVER (PARTITION BY animal_id, occurred_day, observer ORDER BY occurred_by, source_id) AS round,
    value_number AS score
FROM label_known_as_of(?)
WHERE kind = ? AND scale = ? AND observer IS NOT NULL AND value_number IS NOT NULL AND (? IS NULL OR farm_id = ?)
"""

Scores = dict[tuple[str, int], dict[str, float]]
"""By observer and round: each subject's score."""


@dataclass(frozen=True)
class AgreementRow:
    """One coefficient, or why there is none."""

    what: str
    """between, pair, or within"""
    observers: str
    round: int | None
    """None: all rounds."""
    coefficient: str
    subjects: int
    """Animal days that all of these observers scored,"""
    left_out: int
    """and those that some of them did not."""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    problem: str | None = None


def agreement(
    settings: Settings,
    kind: str,
    scale: str,
    categories: Sequence[float],
    *,
    farm: str | None = None,
    known_as_of: datetime | None = None,
) -> list[AgreementRow]:
    """Agreement of the observers of one kind of score on one scale: different scales are never compared.

    Args:
        settings: where the lake is.
        kind, scale: of the scores.
        categories: every score of the scale, in order.
        farm: only this farm.
        known_as_of: labels as they were known at this instant; now when omitted.

    Raises:
        NotInitialisedError: there is no lake yet.
        NotFoundError: no score on that scale has an observer.
    """
    with open_lake(settings, read_only=True) as lake:
        given = [known_as_of or "infinity", kind, scale, farm, farm]
        found = lake.execute(_SCORES, given).fetchall()
    scores: Scores = defaultdict(dict)
    for subject, observer, number, score in found:
        scores[observer, number][subject] = score
    if not scores:
        raise NotFoundError(f"no {kind} on the scale {scale} has an observer", "`herdbook labels export` shows all.")
    return [*_between(scores), *_pairs(scores, categories), *_within(scores)]


def _between(scores: Scores) -> Iterator[AgreementRow]:
    for number in sorted({n for _, n in scores}):
        observers = sorted(o for o, n in scores if n == number)
        if len(observers) > 1:
            yield _icc("between", ", ".join(observers), number, [scores[o, number] for o in observers])


def _within(scores: Scores) -> Iterator[AgreementRow]:
    for observer in sorted({o for o, _ in scores}):
        rounds = sorted(n for o, n in scores if o == observer)
        if len(rounds) > 1:
            yield _icc("within", observer, None, [scores[observer, n] for n in rounds])


def _pairs(scores: Scores, categories: Sequence[float]) -> Iterator[AgreementRow]:
    for one, other in combinations(sorted(o for o, n in scores if n == 1), 2):
        both, left_out = _shared([scores[one, 1], scores[other, 1]])
        first, second = ([scores[o, 1][subject] for subject in both] for o in (one, other))
        blank = AgreementRow("pair", f"{one}, {other}", 1, "weighted kappa", len(both), left_out)
        yield _with(blank, partial(kappa, first, second, categories, "quadratic"))


def _icc(what: str, observers: str, number: int | None, columns: list[dict[str, float]]) -> AgreementRow:
    both, left_out = _shared(columns)
    blank = AgreementRow(what, observers, number, "ICC(2,1)", len(both), left_out)
    return _with(blank, partial(icc, [[column[subject] for column in columns] for subject in both]))


def _with(row: AgreementRow, estimate: Callable[[], Agreement]) -> AgreementRow:
    try:
        found = estimate()
    except EstimationError as error:
        return replace(row, problem=error.message)
    return replace(row, value=found.value, low=found.low, high=found.high)


def _shared(columns: list[dict[str, float]]) -> tuple[list[str], int]:
    """Subjects that all have, and how many only some have."""
    everyone = {subject for column in columns for subject in column}
    both = sorted(everyone.intersection(*columns))
    return both, len(everyone) - len(both)
