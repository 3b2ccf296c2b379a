"""Measuring an engine. Kept apart because a process of its own does it: it imports little, and starts fast."""
