"""Results of an evaluation for other programs, for comparison, and to be repeated."""
