"""Building a collection with the processes of a Ray cluster."""
