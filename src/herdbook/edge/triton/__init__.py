"""The device's Triton server: its environment, its process, its model repository, and graphs that run through it."""
