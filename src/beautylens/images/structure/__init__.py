"""Structure checks of picture files, in bounded time, before anything is decoded."""
