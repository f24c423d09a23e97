"""The service as an ASGI application: routes and middleware."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.cors import CORSMiddleware
from threadpoolctl import threadpool_limits

import beautylens as bl
from beautylens.arrays import UInt8
from beautylens.serve.ending import FINISH_SECONDS, end_within
from beautylens.serve.middleware.guard import Guard
from beautylens.serve.middleware.limits import HeadAsGet, RequestLimits
from beautylens.serve.middleware.request_log import RequestLog
from beautylens.serve.problems import handle_problems
from beautylens.serve.routes.batch import batch_routes
from beautylens.serve.routes.events import event_routes
from beautylens.serve.routes.feedback import feedback_routes
from beautylens.serve.routes.health import collection_routes, health_routes
from beautylens.serve.routes.page import show_page
from beautylens.serve.routes.products import MOST_PICTURES, product_routes
from beautylens.serve.routes.queries import query_routes
from beautylens.serve.routes.search import search_routes
from beautylens.serve.service import Service
from beautylens.serve.settings import ServeSettings
from beautylens.serve.tracing import telemetry

# The environment variable that passes the settings to worker processes.
GIVEN = "BEAUTYLENS_SERVE"
# The routes of each collection.
_OF_COLLECTIONS = (search_routes, batch_routes, product_routes, event_routes, collection_routes)


def make_app(settings: ServeSettings, collection: bl.Collection | None = None) -> FastAPI:
    """Return the service of a collection, which is opened if none is given.

    Raises:
        CollectionError: when there is no collection.
    """
    opened = collection or bl.open(settings.collection, settings.vectors)
    further = {name: bl.open(address) for name, address in settings.further.items()}
    service = Service(opened, settings, further)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        """Load networks and files before the first request; finish accepted work at the end."""
        service.decoders.start()
        for each in (opened, *further.values()):
            await asyncio.to_thread(_warm, each)
        sweeping = asyncio.create_task(service.sweep_hourly())
        yield
        sweeping.cancel()
        service.close()

    app = FastAPI(
        title="Beautylens",
        version=bl.__version__,
        description="Find the product that a photo shows in your catalogue.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        telemetry=telemetry(),
        form_limits={"max_fields": 16, "max_files": MOST_PICTURES, "max_part_size": 16_384},
    )
    handle_problems(app)
    for routes in _OF_COLLECTIONS:
        _include(app, routes(service))
        for each in service.further:
            # They are described once.
            _include(app, routes(each), described=False)
    for routes in (feedback_routes, query_routes, health_routes):
        _include(app, routes(service))
    show_page(app)
    # The middleware that is added last runs first.
    app.add_middleware(RequestLimits, settings.max_bytes, settings.seconds)
    app.add_middleware(Guard, settings, service.read_keys, service.metrics.keyed)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization"],
            expose_headers=["Retry-After", "Server-Timing", "X-Request-ID"],
        )
    app.add_middleware(service.metrics.watch)
    app.add_middleware(RequestLog)
    app.add_middleware(HeadAsGet)
    return app


def _include(app: FastAPI, router: APIRouter, *, described: bool = True) -> None:
    for route in router.routes:
        if isinstance(route, APIRoute):
            route.summary = route.description.partition(".")[0]
    app.include_router(router, include_in_schema=described)


def from_environment() -> FastAPI:
    """Return the service with the settings from the environment of a worker process."""
    # For the life of the process: searches already use all cores, and idle BLAS threads spin.
    threadpool_limits(1, "blas")
    settings = ServeSettings.model_validate_json(os.environ[GIVEN])
    end_within(settings.seconds + 2 * FINISH_SECONDS)
    return make_app(settings)


def _warm(collection: bl.Collection) -> None:
    """Search once, which compiles networks, opens files and reads the vocabulary."""
    collection.gallery.words.search(["warm"], 1)
    grain: UInt8 = np.random.default_rng(0).integers(0, 255, (640, 480, 3), np.uint8)
    collection.search(grain)
