"""Lakes to start from."""

from __future__ import annotations

from support.lakes import any_lake, empty_home, filled, filled_home, settings

__all__ = ["any_lake", "empty_home", "filled", "filled_home", "settings"]
