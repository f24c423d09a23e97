"""Checks and normalisation of arguments: counts, lone strings, Unicode text."""
