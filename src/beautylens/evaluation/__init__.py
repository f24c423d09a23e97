"""Measuring a collection on photos with known answers, and showing where it fails."""
