"""Tables: the products and pictures of a catalogue, and the right answers of its queries."""
