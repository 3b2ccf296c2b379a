"""Frames that a person should look at: where student and teacher, or track and embedding, disagree."""
