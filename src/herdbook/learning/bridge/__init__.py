"""Bridge runs: the same footage read by two releases, and what the change of model alone does to every measure."""
