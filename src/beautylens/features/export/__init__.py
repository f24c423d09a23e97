"""Making, checking and converting encoder files."""
