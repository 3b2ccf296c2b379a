"""Operational state: which devices there are, what was tried, what landed, what was set aside."""
