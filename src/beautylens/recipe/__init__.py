"""Recipes: what a collection is built and searched with, as checked settings."""
