from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from herdbook.contracts.records import CameraState
from herdbook.edge.coverage import Spell, lay

T0 = datetime(2026, 6, 1, tzinfo=UTC)


def at(minute: int) -> datetime:
    return T0 + timedelta(minutes=minute)


SPELLS = st.lists(
    st.tuples(st.integers(-60, 1500), st.integers(1, 200), st.sampled_from(CameraState), st.sampled_from(["a", "b"])),
    max_size=12,
).map(lambda rows: [Spell(at(s), at(s + n), state, why) for s, n, state, why in rows])


@given(SPELLS)
def test_spells_are_laid_as_a_partition_of_the_day(spells: list[Spell]) -> None:
    laid = lay(spells, at(0), at(1440), "no footage")
    assert laid[0].start == at(0)
    assert laid[-1].end == at(1440)
    assert all(a.end == b.start for a, b in pairwise(laid))
    assert all(s.start < s.end for s in laid)
    assert all((a.state, a.reason) != (b.state, b.reason) for a, b in pairwise(laid))


@given(SPELLS, st.integers(0, 1439))
def test_damage_wins_over_on_and_on_over_off(spells: list[Spell], minute: int) -> None:
    moment = at(minute)
    there = {s.state for s in spells if s.start <= moment < s.end}
    order = [CameraState.DEGRADED, CameraState.ON, CameraState.OFF]
    expected = next((state for state in order if state in there), CameraState.OFF)
    laid = lay(spells, at(0), at(1440), "no footage")
    assert next(s for s in laid if s.start <= moment < s.end).state is expected


def test_what_nobody_speaks_of_is_off_for_the_reason_given() -> None:
    assert lay([], at(0), at(9), "no footage") == [Spell(at(0), at(9), CameraState.OFF, "no footage")]
