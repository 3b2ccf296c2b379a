"""What the edge tests agree on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from herdbook.edge.config import DeviceConfig

DAY = datetime(2026, 6, 1, tzinfo=UTC).date()
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
AFTERWARDS = datetime(2026, 6, 3, tzinfo=UTC)
"""After the day is over, so that it is final."""

MakeDevice = Callable[..., DeviceConfig]
