"""Text: what a catalogue says of a product, and finding products by it."""
