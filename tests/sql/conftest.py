"""The definitions under ``sql/``, in memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.herd import Herd


@pytest.fixture
def herd() -> Iterator[Herd]:
    """An empty herd."""
    with Herd() as herd:
        yield herd
