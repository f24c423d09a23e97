"""Downloading pictures and lists: polite, resumable."""
