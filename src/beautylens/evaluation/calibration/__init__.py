"""Calibration of the judge on labelled photos."""
