"""Years of records of thousands of animals without a pixel, under a truth that is known.

One generative model, two levels. `days.herd_days` draws a herd's animal-days in memory, in tens of milliseconds, for
validating studies on thousands of herds. `run.simulate_herd` writes the same herd's bouts, tracklets, coverage, claims,
embeddings, labels and roster as the lake holds them: every bout of an animal-day is drawn *given* that animal-day, so
that sums over the written bouts are the day level's figures, not merely alike (docs/adr/0170-years-of-records.md).
"""

from __future__ import annotations

from herdbook.simulate.herd.days import herd_days
from herdbook.simulate.herd.plan import HerdPlan, make_herd_plan

__all__ = ["HerdPlan", "herd_days", "make_herd_plan"]
