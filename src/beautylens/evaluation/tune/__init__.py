"""Searching for the best recipe within a time per query."""
