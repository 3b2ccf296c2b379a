"""Training: stages that learn from a frozen dataset, each resumable to the same result."""
