"""Fixtures that several test folders share."""

from __future__ import annotations

import signal

pytest_plugins = [
    "support.archived_home",
    "support.empty_lake",
    "support.postgres",
    "support.released",
    "support.small_farms",
    "support.trust",
]

# Workers of pytest-xdist and jobs in a shell's background ignore SIGINT, and the programs that tests interrupt
# would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
