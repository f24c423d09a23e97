"""Training of encoders on a catalogue, on photos, or on titles (extra `train`)."""
