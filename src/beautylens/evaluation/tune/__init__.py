"""The best recipe for a catalogue within a time limit per query."""
