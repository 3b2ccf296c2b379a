"""What a device's certificate and report say."""

from __future__ import annotations

import pytest

from herdbook.contracts.activation import Parity


@pytest.mark.parametrize(("error", "holds"), [(0.0, True), (0.01, True), (0.0101, False), (None, False)])
def test_parity_holds_up_to_its_tolerance_and_never_where_an_output_was_no_number(
    error: float | None, holds: bool
) -> None:
    assert Parity(role="student", precision="int8", error=error, tolerance=0.01).holds is holds
