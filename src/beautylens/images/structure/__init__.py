"""What a picture file consists of, read in bounded time before any of it is decoded."""
