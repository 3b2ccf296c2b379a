"""Releases: from a version of a model to what a fleet can take up."""
