"""Processes beside ours that end when we do."""
