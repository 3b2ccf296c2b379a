"""Rollouts: a release goes to canaries, then through the fleet in waves, and stops itself."""
