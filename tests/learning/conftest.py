"""Fixtures of the folder."""

from __future__ import annotations

from registry_homes import make_registry, registry_template

__all__ = ["make_registry", "registry_template"]
