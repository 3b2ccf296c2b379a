"""Values that arithmetic, calendars, folders and databases stumble over, and where in a document to put them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

EXTREMES: list[Any] = [
    *(sign * 10**exponent for sign in (1, -1) for exponent in (9, 19, 400)),
    *(float(name) for name in ("nan", "inf", "-inf")),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9999-12-31", "0001-01-01", "2026-02-30"),
    *("Europe", "E" * 300, "..", "\0", "\ud800", ""),
]

JUNK = st.sampled_from(EXTREMES) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
"""Anything that JSON as Python writes it can hold."""


def places(node: Any) -> list[tuple[Any, Any]]:
    """Every container of a JSON document with every key or index in it."""
    here = list(node.items()) if isinstance(node, dict) else list(enumerate(node)) if isinstance(node, list) else []
    return [(node, key) for key, _ in here] + [found for _, value in here for found in places(value)]
