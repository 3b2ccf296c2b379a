"""Fixtures that several test folders share."""

from __future__ import annotations

pytest_plugins = ["support.empty_lake", "support.postgres"]
