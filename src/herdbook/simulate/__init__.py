"""A synthetic farm with exact truth: a fixture and a demonstration, never the only thing that is tested.

Pens are seen from above. Animals live through the whole day without a break (`life`); footage is rendered for chosen
clips of it (`footage`), so that the day's truth covers the full behaviour budget and the clips are windows onto it.
What lies where in the output folder is said in `herdbook.simulate.run`.
"""

from __future__ import annotations

from herdbook.simulate.plan import FarmPlan, LamenessPlan

__all__ = ["FarmPlan", "LamenessPlan"]
