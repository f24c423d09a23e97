"""One server's parts: the collection, the desks where work is done, the figures."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from beautylens.catalogue.table import OPTIONAL
from beautylens.collection import Collection
from beautylens.errors import QueryError
from beautylens.files.paths import as_path
from beautylens.images.fit import Box
from beautylens.query import Photo
from beautylens.serve.decoders import SECONDS, Decoders
from beautylens.serve.metrics import Metrics
from beautylens.serve.problems import HTTPProblem
from beautylens.serve.settings import ServeSettings
from beautylens.serve.work_queue import WorkQueue
from beautylens.store.filters import parse_filter

# Letters of what a person types.
WORDS = 200
# Letters of a filter.
FILTER = 500
# The folder of a collection that holds the pictures which were sent to its server.
PICTURES = "pictures"


class Service:
    """What the routes share.

    Args:
        collection: that is searched.
        settings: what the server was started with.
    """

    def __init__(self, collection: Collection, settings: ServeSettings) -> None:
        self.collection, self.settings = collection, settings
        self.metrics = Metrics(partial(len, collection))
        self.searching = WorkQueue(settings.threads, settings.waiting, settings.seconds)
        # One more than search at once, for the pictures of products that are written meanwhile.
        self.decoders = Decoders(
            settings.threads + 1, settings.decoding_bytes, min(SECONDS, settings.seconds)
        )
        # Rows and pictures, which should not wait behind searches.
        self.reading = WorkQueue(settings.threads, 8 * settings.waiting, settings.seconds)
        # Answers of people, which may be anybody's, keep no writer waiting.
        self.noting = WorkQueue(1, settings.waiting, settings.seconds, finish=True)
        # Whoever watches the server wants to know of it when it is busy, too.
        self.watching = WorkQueue(1, settings.waiting, settings.seconds)
        # One after the other; and a change that has begun is waited for, so that it is known.
        self.writing = WorkQueue(1, settings.waiting, settings.seconds, finish=True)

    @property
    def columns(self) -> tuple[str, ...]:
        """What a filter may ask about."""
        return ("product_id", *OPTIONAL, *self.collection.metadata_columns)

    def photo(self, data: bytes, words: str = "", where: str = "", crop: str = "") -> Photo:
        """Return a query photo.

        Raises:
            ImageError: when it cannot be read.
            QueryError: when the words, the filter or the crop cannot be understood.
        """
        if len(words) > WORDS:
            raise QueryError(f"the words have {len(words)} letters; give at most {WORDS}")
        if len(where) > FILTER:
            raise QueryError(f"the filter has {len(where)} characters; give at most {FILTER}")
        if where.strip():
            # Of fewer columns than the collection takes: strangers ask about no paths.
            parse_filter(where, self.columns)
        return self.collection.photo(
            data,
            words=words,
            where=where,
            crop_to=Box.parse(crop) if crop.strip() else None,
            limits=self.settings.limits,
            decode=self.decoders.decode,
        )

    def may_show(self, image: str) -> bool:
        """Tell whether a catalogue picture may be read to be shown, by its path."""
        if not self.settings.pictures:
            return True
        path, collection = as_path(image), as_path(self.settings.collection)
        if not isinstance(path, Path):
            return False
        sent = (collection / PICTURES,) if isinstance(collection, Path) else ()
        folders = (*self.settings.pictures, *sent)
        return any(path.resolve().is_relative_to(folder.resolve()) for folder in folders)

    async def ready(self) -> None:
        """Raise unless searches can be taken.

        Raises:
            HTTPProblem: 503 when work has been stuck in a thread that searches would need.
            CollectionError: when the collection cannot be read.
        """
        stuck = sum(queue.stuck for queue in (self.searching, self.reading))
        if stuck:
            raise HTTPProblem(
                503,
                "stuck",
                f"{stuck} of the threads that search have not come back from their work; restart "
                "the server",
            )
        await self.watching.do(self.collection.ready)

    def close(self) -> None:
        """Finish what was taken."""
        for queue in (self.searching, self.reading, self.noting, self.watching, self.writing):
            queue.close()
        self.decoders.close()
