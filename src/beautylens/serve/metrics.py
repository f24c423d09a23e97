"""Prometheus metrics: requests, seconds per stage, verdicts, queues, and the collections' state."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from beautylens.collection import Collection
from beautylens.results import Matches
from beautylens.serve.collection_metrics import CollectionMetrics
from beautylens.serve.queue_metrics import QueueMetrics, forget_dead_processes

# The environment variable with the folder in which worker processes share their metrics.
SHARED = "PROMETHEUS_MULTIPROC_DIR"
# The stages that read the photo, unless it is decided before, as most are.
READING = frozenset(("find_by_words", "read"))
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The metrics of one server.

    Args:
        collections: by name; that of the main one is empty.

    Attributes:
        queues: those of the work queues.
    """

    def __init__(self, collections: Mapping[str, Collection]) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no types
        self._collections = CollectionMetrics(collections)
        self._registry = CollectorRegistry()
        self.queues = QueueMetrics(self._registry)
        self._requests = Counter(
            "beautylens_requests",
            "Requests by route, method and status.",
            ("route", "method", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "beautylens_request_seconds",
            "Seconds until the response.",
            ("route", "method"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._stages = Histogram(
            "beautylens_stage_seconds",
            "Seconds of each stage of a search.",
            ("stage",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._keyed = Counter(
            "beautylens_read_key_requests",
            "Requests by name of the read key and outcome: allowed, limited or refused.",
            ("key", "outcome"),
            registry=self._registry,
        )
        self._verdicts = Counter(
            "beautylens_verdicts", "Searches by verdict.", ("verdict",), registry=self._registry
        )

        self._events = Counter(
            "beautylens_events",
            "What people did with answers, by event.",
            ("event",),
            registry=self._registry,
        )
        self._clicks = Counter(
            "beautylens_clicks",
            "Products that people looked at, by their position in the answer.",
            ("rank",),
            registry=self._registry,
        )

    def happened(self, event: str, rank: int | None) -> None:
        """Count what a person did with the product at a position of an answer."""
        self._events.labels(event).inc()
        if event == "click" and rank is not None:
            self._clicks.labels(str(rank)).inc()

    def keyed(self, name: str, outcome: str) -> None:
        """Count a request with a read key, or, with an empty name, one without."""
        self._keyed.labels(name, outcome).inc()

    def searched(self, matches: Matches) -> None:
        """Count a search."""
        self._verdicts.labels(matches.verdict or "none").inc()
        for stage, milliseconds in matches.milliseconds.items():
            # Most photos are decided before they would be read.
            unread = matches.query is not None and not matches.query.was_read
            if stage not in READING or not unread:
                self._stages.labels(stage).observe(milliseconds / 1000)

    def watch(self, app: ASGIApp) -> ASGIApp:
        """Return the app with its requests counted."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            status = 500

            async def noted(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            start = time.perf_counter()
            try:
                await app(scope, receive, noted)
            finally:
                # The declared route: ids of products would create unbounded labels.
                route = getattr(scope.get("route"), "path", "other")
                method = scope["method"] if scope["method"] in _METHODS else "other"
                self._requests.labels(route, method, status).inc()
                self._seconds.labels(route, method).observe(time.perf_counter() - start)

        return watched

    def text(self) -> bytes:
        """Return all metrics, summed over the worker processes, in Prometheus' text format."""
        registry = self._registry
        if SHARED in os.environ:
            forget_dead_processes(os.environ[SHARED])
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # it has no types
        state = CollectorRegistry()
        state.register(self._collections)
        return generate_latest(registry) + generate_latest(state)
