"""Random sequences of truth and prediction, small enough to shrink, crowded enough that boxes overlap and tie."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from herdbook.learning.formats import Tracks

PATIENT = settings(suppress_health_check=[HealthCheck.too_slow])
"""For machines that are busy with other things: how long an example takes says nothing about it."""

Row = tuple[int, int, float, float, float, float]
"""``frame, id, x, y, width, height``."""


def tracks(rows: list[Row], source: str = "made") -> Tracks:
    """Tracks from rows."""
    return Tracks.checked(source, [r[0] for r in rows], [r[1] for r in rows], [r[2:] for r in rows])


@st.composite
def random_rows(draw: st.DrawFn, frames: int, most_ids: int) -> list[Row]:
    """Boxes on a coarse grid: overlaps of exactly one half and exact ties are common."""
    side, size = st.integers(0, 12), st.integers(2, 8)
    rows: list[Row] = []
    for frame in range(1, frames + 1):
        for animal in sorted(draw(st.sets(st.integers(1, most_ids)))):
            rows.append((frame, animal, draw(side), draw(side), draw(size), draw(size)))
    return rows


@st.composite
def sequences(draw: st.DrawFn) -> tuple[list[Row], list[Row]]:
    """Truth, and a prediction that is made of shifted, dropped and renamed true boxes and of boxes of its own."""
    frames = draw(st.integers(1, 8))
    truth = draw(random_rows(frames, 4).filter(bool))
    rename = draw(st.permutations(range(1, 8)))
    shift = st.sampled_from((0, 0, 0, 1, -1, 2))
    made: dict[tuple[int, int], Row] = {}
    for frame, animal, x, y, w, h in truth:
        if draw(st.booleans()):
            name = rename[(animal + (frame > frames // 2)) % len(rename)]
            made[frame, name] = (frame, name, x + draw(shift), y + draw(shift), w, h)
    for row in draw(random_rows(frames, 3)):
        made.setdefault((row[0], row[1]), row)
    return truth, list(made.values())


def have_a_common_frame(pair: tuple[list[Row], list[Row]]) -> bool:
    """Whether they can be compared at all."""
    truth, predicted = pair
    return not predicted or bool({r[0] for r in truth} & {r[0] for r in predicted})
