"""Alerts that a device raises by itself, from its own records, by the rules of its release (docs/adr/0210)."""

from herdbook.contracts.alerts import default_rules

__all__ = ["default_rules"]
