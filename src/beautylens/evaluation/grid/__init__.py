"""The grid of published systems: backbone, pooling, distance, re-ranking."""
