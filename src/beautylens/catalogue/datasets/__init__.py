"""Public catalogues, read from their own lists."""
