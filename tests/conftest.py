"""Fixtures that several test folders share."""

from __future__ import annotations

import signal

import hypothesis
import pytest

from support.fuzz import PROFILE

pytest_plugins = [
    "support.archived_home",
    "support.browser",
    "support.empty_lake",
    "support.postgres",
    "support.released",
    "support.s3",
    "support.small_farms",
    "support.trust",
]

# Workers of pytest-xdist and jobs in a shell's background ignore SIGINT, and the programs that tests interrupt
# would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Examples take as long as the machine is busy, and CI has 90 minutes for all. They are the same ones every time: what
# fails was broken by the change at hand.
hypothesis.settings.register_profile("herdbook", deadline=None, max_examples=50, derandomize=True)
# `make fuzz` looks for what nobody has seen: tests/fuzz says how many cases of each kind. Nothing is kept between runs.
hypothesis.settings.register_profile("nightly", deadline=None, max_examples=500, database=None)
hypothesis.settings.load_profile(PROFILE)

LONGEST = ("tests/demo/test_demo_end_to_end.py", "tests/fleet/test_fault_table.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest come first, so that no worker waits for them in the end."""
    rank = {name: k for k, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.nodeid.partition("::")[0], len(LONGEST)))
