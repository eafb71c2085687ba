"""Training, level by level."""
