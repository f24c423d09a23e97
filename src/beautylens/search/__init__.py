"""The steps of a search: each takes matches and returns new matches."""
