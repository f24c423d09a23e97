"""Searching with many photos: several at a time, answers in order, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

from beautylens.errors import ImageError, QueryError
from beautylens.images.ahead import ahead
from beautylens.images.sources import Picture
from beautylens.results import Matches

Found: TypeAlias = tuple[Picture, Matches | ImageError | QueryError]
"""A photo with its matches, or why it cannot be searched with."""


def search_each(
    search: Callable[[Picture], Matches], pictures: Iterable[Picture], workers: int
) -> Iterator[Found]:
    """Yield each photo with its matches, in order; one that cannot be read stops no other.

    Args:
        search: returns the matches of a photo.
        pictures: any number of them: twice as many as workers are taken and held at a time.
        workers: searches that run at once.
    """

    def found(picture: Picture) -> Found:
        try:
            return picture, search(picture)
        except (ImageError, QueryError) as error:
            return picture, error

    with ThreadPoolExecutor(workers) as pool:
        yield from ahead(pool, found, pictures, 2 * workers)
