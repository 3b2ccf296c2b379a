"""Teacher targets: what the teacher says of each frame, computed once and kept by content."""
