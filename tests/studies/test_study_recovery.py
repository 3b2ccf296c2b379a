"""A planted effect is found by the whole study: labels, risk sets, windows, estimate (truth (a) of the simulator).

One herd here; thousands are for ``python -m benchmarks study_recovery``.
"""

from __future__ import annotations

import pytest

from benchmarks import study_recovery


@pytest.mark.parametrize(
    ("scenario", "sets"),
    [("effect", 100), ("effect, crossover", 100), ("effect, cohort", 5)],  # a cohort's sets are pens
)
def test_the_interval_holds_the_planted_log_hazard_ratio(scenario: str, sets: int) -> None:
    [found] = study_recovery.herds(scenario, 1)
    assert found.low < study_recovery.EFFECT < found.high
    assert found.sets > sets


@pytest.mark.slow
def test_a_model_update_fools_who_compares_across_it_and_not_the_default() -> None:
    naive = study_recovery.herds("update, controls of any day", 8)
    default = study_recovery.herds("update", 8)
    assert sum(f.p < 0.05 for f in naive) >= 4
    assert sum(f.p < 0.05 for f in default) <= 2
