"""Searches with many photos: several at a time, results in order, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

from beautylens.errors import ImageError, QueryError
from beautylens.images.sources import Picture
from beautylens.results import Matches
from beautylens.runtime.prefetch import prefetch

# A photo with its matches, or the error if it cannot be searched with.
Found: TypeAlias = tuple[Picture, Matches | ImageError | QueryError]


def search_each(
    search: Callable[[Picture], Matches], pictures: Iterable[Picture], workers: int
) -> Iterator[Found]:
    """Yield each photo with its matches, in order; a photo that cannot be read comes with an error.

    Args:
        search: returns the matches of a photo.
        pictures: any number; at most twice as many as workers are in memory.
        workers: concurrent searches.
    """

    def found(picture: Picture) -> Found:
        try:
            return picture, search(picture)
        except (ImageError, QueryError) as error:
            return picture, error

    with ThreadPoolExecutor(workers) as pool:
        yield from prefetch(pool, found, pictures, 2 * workers)
