"""The search snapshot: derived, memory-mapped files that a search reads instead of Lance."""
