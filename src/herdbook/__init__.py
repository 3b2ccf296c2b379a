"""Herdbook."""
