"""What the routes share: the collection, work queues and metrics."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any

from fastapi import Depends
from fastapi.security import HTTPBearer
from starlette.datastructures import Headers

from beautylens.catalogue.table import OPTIONAL
from beautylens.collection import Collection
from beautylens.errors import CollectionError, QueryError
from beautylens.files.paths import as_path
from beautylens.images.fit import Box
from beautylens.query import Photo
from beautylens.results import Matches
from beautylens.serve.decoders import SECONDS, Decoders
from beautylens.serve.kept.queries import KeptQueries
from beautylens.serve.keys import ReadKeys, bearer
from beautylens.serve.metrics import Metrics
from beautylens.serve.models import Answer
from beautylens.serve.problems import HTTPProblem
from beautylens.serve.settings import ServeSettings
from beautylens.serve.tracing import trace_stages
from beautylens.serve.work_queue import WorkQueue
from beautylens.store.filters import parse_filter

_LOG = logging.getLogger("beautylens.serve")
_HOUR = 3600.0
# Maximum length of the typed words.
WORDS = 200
# Maximum length of a filter.
FILTER = 500
# The folder of uploaded pictures in a collection.
PICTURES = "pictures"


READ_KEY = Depends(HTTPBearer(auto_error=False, description="Read key."))


class Service:
    """What the routes share.

    Args:
        collection: the collection to serve.
        settings: settings of the server.
        further: further collections by name.
    """

    base = "/v1"
    """Path below which the collection is served."""

    def __init__(
        self,
        collection: Collection,
        settings: ServeSettings,
        further: Mapping[str, Collection] | None = None,
    ) -> None:
        self.collection, self.settings = collection, settings
        collections = {"": collection, **(further or {})}
        self.metrics = Metrics(collections)
        self.read_keys = ReadKeys(settings.read_keys)
        self.kept = KeptQueries(settings.keep, settings.keep_days) if settings.keep else None

        def queue(name: str, threads: int, waiting: int, *, finish: bool = False) -> WorkQueue:
            figures = self.metrics.queues
            return WorkQueue(
                threads, waiting, settings.seconds, finish=finish, name=name, metrics=figures
            )

        self.searching = queue("searching", settings.threads, settings.waiting)
        # All batches together use at most half of the threads, so that other searches need not wait
        # for them.
        self.batches = asyncio.Semaphore(max(1, settings.threads // 2))
        # One more than there are searches at once, for uploaded pictures of products.
        self.decoders = Decoders(
            settings.threads + 1, settings.decoding_bytes, min(SECONDS, settings.seconds)
        )
        # Products and their pictures, which should not wait for searches.
        self.reading = queue("reading", settings.threads, 8 * settings.waiting)
        # Feedback, which anybody may send, must not delay writers.
        self.feedback = queue("feedback", 1, settings.waiting, finish=True)
        # Health checks and metrics must respond when the server is busy, too.
        self.monitoring = queue("monitoring", 1, settings.waiting)
        # Changes run one at a time; one that has begun is finished before the response.
        self.writing = queue("writing", 1, settings.waiting, finish=True)
        # Last: they share all of the above.
        self.further = [self._of_further(name, each) for name, each in (further or {}).items()]

    def _of_further(self, name: str, collection: Collection) -> Service:
        """Return the service of a further collection, with the same threads and metrics."""
        further = copy(self)
        further.base = f"/v1/collections/{name}"
        further.collection, further.settings = collection, self.settings.of_further(name)
        # Kept searches are reviewed with the products of the main collection.
        further.kept, further.further = None, []
        return further

    @property
    def read_security(self) -> list[Any]:
        """Dependencies of the routes that need a read key, for the OpenAPI description only.

        `Guard` checks the key before the body is read.
        """
        return [READ_KEY] if self.read_keys else []

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that a filter can use."""
        return ("product_id", *OPTIONAL, *self.collection.metadata_columns)

    def photo(self, data: bytes, words: str = "", where: str = "", crop: str = "") -> Photo:
        """Return a query photo.

        Raises:
            ImageError: when it cannot be read.
            QueryError: when the words, the filter or the crop are invalid.
        """
        self.check_texts(words, where)
        return self.collection.photo(
            data,
            words=words,
            where=where,
            crop_to=Box.parse(crop) if crop.strip() else None,
            limits=self.settings.limits,
            decode=self.decoders.decode,
        )

    def by_photos(
        self, given: Sequence[bytes], words: str, least: int, where: str = "", crop: str = ""
    ) -> Matches:
        """Return the products that one or several photos of one product show, best first.

        Raises:
            ImageError: when a photo cannot be read.
            QueryError: when words, filter or crop are invalid, or several photos have one crop.
        """
        if crop.strip() and len(given) > 1:
            raise QueryError("crop is of one photo; crop several before you send them")
        photos = [self.photo(data, words, where, crop) for data in given]
        return self.collection.candidates(photos, least)

    def by_words(self, words: str, least: int, where: str = "", crop: str = "") -> Matches:
        """Return the products with most of the words, `least` of them if there are as many.

        Raises:
            CollectionError: when the collection has no index of words.
            QueryError: when the words or the filter are invalid, or a crop is given.
        """
        self.check_texts(words, where)
        box = Box.parse(crop) if crop.strip() else None
        return self.collection.candidates(least=least, words=words, where=where, crop_to=box)

    def check_texts(self, words: str, where: str) -> None:
        """Raise unless words and filter may be searched with.

        Raises:
            QueryError: when one is too long, or the filter is invalid.
        """
        if len(words) > WORDS:
            raise QueryError(f"the words have {len(words)} characters; give at most {WORDS}")
        if len(where) > FILTER:
            raise QueryError(f"the filter has {len(where)} characters; give at most {FILTER}")
        if where.strip():
            # Fewer columns than the collection allows: clients must not filter on paths.
            parse_filter(where, self.columns)

    def may_show(self, image: str) -> bool:
        """Return whether the catalogue picture at a path may be shown."""
        if not self.settings.pictures:
            return True
        path, collection = as_path(image), as_path(self.settings.collection)
        if not isinstance(path, Path):
            return False
        sent = (collection / PICTURES,) if isinstance(collection, Path) else ()
        folders = (*self.settings.pictures, *sent)
        return any(path.resolve().is_relative_to(folder.resolve()) for folder in folders)

    def searched(self, matches: Matches) -> None:
        """Count and trace a search."""
        self.metrics.searched(matches)
        trace_stages(matches)

    async def keep(self, matches: Matches, answer: Answer) -> None:
        """Store a search for the owner, if the server keeps any; the log says if it cannot."""
        if (kept := self.kept) is None or matches.query is None:
            return
        try:
            ids = [found.product_id for found in answer.matches]
            await self.feedback.do(lambda: kept.keep(answer.query_id, matches, ids))
        except (HTTPProblem, CollectionError) as error:
            _LOG.warning("a search was not kept: %s", error)

    def count_further_photos(self, headers: Headers, photos: int) -> None:
        """Count photos of a request after the first one, with which `Guard` counts the request."""
        name = self.read_keys.name_of(bearer(headers.get("authorization", "")))
        if name is not None:
            self.read_keys.limiters[name].take(photos)

    async def sweep_hourly(self) -> None:
        """Delete kept searches that are too old, at once and every hour, until it is cancelled."""
        while self.kept is not None:
            try:
                await self.feedback.do(self.kept.sweep)
            except (HTTPProblem, CollectionError) as error:
                _LOG.warning("old searches were not deleted: %s", error)
            await asyncio.sleep(_HOUR)

    async def ready(self) -> None:
        """Raise unless searches are possible.

        Raises:
            HTTPProblem: 503 when threads that searches need are stuck.
            CollectionError: when a collection cannot be read.
        """
        stuck = sum(queue.stuck for queue in (self.searching, self.reading))
        if stuck:
            raise HTTPProblem(
                503,
                "stuck",
                f"{stuck} of the threads that search are stuck; restart the server",
            )
        for each in (self, *self.further):
            await self.monitoring.do(each.collection.ready)

    def close(self) -> None:
        """Finish accepted work."""
        for queue in (self.searching, self.reading, self.feedback, self.monitoring, self.writing):
            queue.close()
        self.decoders.close()
