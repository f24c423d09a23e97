"""Downloads of pictures and lists: rate-limited and resumable."""
