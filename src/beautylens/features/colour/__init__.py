"""Colour differences of aligned pictures under an estimated illuminant."""
