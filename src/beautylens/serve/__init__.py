"""The service: an HTTP API and a photo-search page over one collection."""
