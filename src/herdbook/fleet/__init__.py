"""The fleet: which devices there are and how they fare."""
