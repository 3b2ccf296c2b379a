"""Which workers run a task: Celery's queues. Executors without queues, as the embedded one, pass over them."""

from __future__ import annotations

IO = "io"
"""Fetching, loading, looking after what is kept: network and disk, several at once on a small machine."""

LEARNING = "learning"
"""Whatever opens a network or trains one: processor, memory or a GPU, one at a time."""
