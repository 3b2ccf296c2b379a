"""Numbers as bundles keep them."""

from __future__ import annotations

import math
from typing import Any

DIGITS = 10
"""Significant digits kept: what lies below is the order of additions."""


def rounded(value: Any) -> Any:
    """A number with ten significant digits, none where it is not one; anything else as it is."""
    if not isinstance(value, float):
        return value
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else (None if math.isnan(value) else value)
