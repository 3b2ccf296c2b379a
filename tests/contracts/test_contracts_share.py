"""Shares of a night's work: together all of it, and nothing twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.contracts.share import ALL, Share
from herdbook.errors import InputError


@given(device=st.text(min_size=1, max_size=20), of=st.integers(1, 20))
def test_every_device_day_is_of_one_share(device: str, of: int) -> None:
    owners = [k for k in range(1, of + 1) if Share(k, of).has(device, "2026-03-02")]
    assert len(owners) == 1
    assert ALL.has(device, "2026-03-02")


def test_a_hundred_devices_are_shared_out_evenly() -> None:
    for day in ("2026-03-02", "2026-03-03"):
        counts = [sum(Share(k, 4).has(f"barn-{n:03}", day) for n in range(100)) for k in range(1, 5)]
        assert min(counts) > 12


@pytest.mark.parametrize("text", ["0/1", "2/1", "1/0", "1", "a/b", "1/2/3", "-1/2", " 1/2"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not a share"):
        Share.parse(text)
    assert Share.parse("2/4") == Share(2, 4)
