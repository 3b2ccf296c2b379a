"""A mapping of weights on the small herd of `tests/labels`."""

from __future__ import annotations

from typing import Any

WEIGHTS: dict[str, Any] = {
    "source": "scales",
    "farm": "hill",
    "timezone": "Europe/London",
    "animal": {"column": "tag"},
    "event": {"kind": "weight", "value": {"column": "kg"}},
    "occurred_by": {"column": "date"},
    "source_id": ["id"],
}
