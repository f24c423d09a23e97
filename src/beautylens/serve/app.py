"""The service as an ASGI application: routes and middleware."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
from fastapi import FastAPI
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
from beautylens.serve.routes.feedback import feedback_routes
from beautylens.serve.routes.health import health_routes
from beautylens.serve.routes.page import show_page
from beautylens.serve.routes.products import MOST_PICTURES, product_routes
from beautylens.serve.routes.search import search_routes
from beautylens.serve.service import Service
from beautylens.serve.settings import ServeSettings

# The environment variable that passes the settings to worker processes.
GIVEN = "BEAUTYLENS_SERVE"


def make_app(settings: ServeSettings, collection: bl.Collection | None = None) -> FastAPI:
    """Return the service of a collection, which is opened if none is given.

    Raises:
        CollectionError: when there is no collection.
    """
    opened = collection or bl.open(settings.collection, settings.vectors)
    service = Service(opened, settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        """Load networks and files before the first request; finish accepted work at the end."""
        service.decoders.start()
        await asyncio.to_thread(_warm, service.collection)
        yield
        service.close()

    app = FastAPI(
        title="Beautylens",
        version=bl.__version__,
        description="Find the product that a photo shows in your catalogue.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        form_limits={"max_fields": 16, "max_files": MOST_PICTURES, "max_part_size": 16_384},
    )
    handle_problems(app)
    for routes in (search_routes, batch_routes, product_routes, feedback_routes, health_routes):
        router = routes(service)
        for route in router.routes:
            if isinstance(route, APIRoute):
                route.summary = route.description.partition(".")[0]
        app.include_router(router)
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
