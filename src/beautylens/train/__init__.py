"""Training: encoders that learn from a catalogue, from photos, or from titles (extra `train`)."""
