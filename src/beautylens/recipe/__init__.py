"""Recipes: validated settings of indexing and search."""
