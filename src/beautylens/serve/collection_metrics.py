"""Prometheus metrics of collections, looked up on request: size, storage and vectors."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from beautylens.collection import Collection
from beautylens.errors import BeautylensError
from beautylens.store.lance import plain_errors

_LOG = logging.getLogger("beautylens.serve")
# Time within which a part must answer; less than Prometheus waits for all metrics.
_SECONDS = 5.0


class CollectionMetrics(Collector):
    """The pictures of collections, and whether storage and vector index answer, and how fast.

    What fails, or hangs, is 0 and in the log, and hides no other metric.

    Args:
        collections: by name; that of the main one is empty.
        limit: seconds that a part may take.
    """

    def __init__(self, collections: Mapping[str, Collection], limit: float = _SECONDS) -> None:
        self._collections, self._limit = collections, limit
        self._pool = ThreadPoolExecutor(1, "metrics")
        self._hanging: Future[int] | None = None

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the metrics."""
        images = GaugeMetricFamily("beautylens_images", "Pictures in each collection.")
        up = GaugeMetricFamily(
            "beautylens_part_up", "Whether storage and vectors of a collection answer: 1 or 0."
        )
        seconds = GaugeMetricFamily(
            "beautylens_part_seconds", "Seconds until they answered, or failed."
        )
        for name, collection in self._collections.items():
            # The main collection has no label.
            labels = {"collection": name} if name else {}
            checks = {"storage": partial(_count, collection), "vectors": partial(_ask, collection)}
            for part, check in checks.items():
                found, taken = self._timed(check)
                up.add_sample(up.name, labels | {"part": part}, int(found is not None))
                seconds.add_sample(seconds.name, labels | {"part": part}, taken)
                if part == "storage" and found is not None:
                    images.add_sample(images.name, labels, found)
        yield from (images, up, seconds)

    def _timed(self, check: Callable[[], int]) -> tuple[int | None, float]:
        """Return the result of a check, None if it fails or hangs, and its seconds."""
        if self._hanging is not None and not self._hanging.done():
            return None, self._limit
        start = time.perf_counter()
        self._hanging = self._pool.submit(check)
        found = None
        try:
            found = self._hanging.result(self._limit)
        except TimeoutError:
            _LOG.warning("metrics: no answer within %g seconds", self._limit)
        except (BeautylensError, OSError) as error:
            _LOG.warning("metrics: %s", error)
        return found, time.perf_counter() - start


def _count(collection: Collection) -> int:
    """Return the number of pictures in the latest version in storage."""
    gallery = collection.gallery
    with plain_errors(gallery.address, "read"):
        gallery.rows.table.refresh()
        return gallery.rows.count()


def _ask(collection: Collection) -> int:
    """Raise unless the vector index can be searched."""
    collection.gallery.vectors.ready()
    return 1
