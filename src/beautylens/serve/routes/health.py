"""`GET /health`, `/health/live`, `/metrics` and `GET /v1/collection`."""

from __future__ import annotations

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from beautylens.serve.models import About, Health
from beautylens.serve.problems import documented
from beautylens.serve.service import Service


def health_routes(service: Service) -> APIRouter:
    """Return the routes for health checks and metrics."""
    routes = APIRouter(tags=["server"])

    @routes.get("/health/live")
    async def live() -> Health:
        """Liveness probe; restart the process if it fails."""
        return Health(status="live")

    @routes.get("/health/ready", responses=documented(429, 503))
    @routes.get("/health", responses=documented(429, 503), include_in_schema=False)
    async def ready() -> Health:
        """Readiness probe; 503 if searches are not possible, and `stuck` if a restart is needed."""
        await service.ready()
        return Health(status="ready")

    @routes.get(
        "/metrics",
        response_class=Response,
        responses={
            200: {"content": {"text/plain": {}}, "description": "Prometheus' text format."},
            **documented(401, 403, 429, 503),
        },
    )
    async def metrics() -> Response:
        """Prometheus metrics; requires the write key if the server has one."""
        text = await service.monitoring.do(service.metrics.text)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    return routes


def collection_routes(service: Service) -> APIRouter:
    """Return the route that describes the collection."""
    routes = APIRouter(prefix=service.base, tags=["server"])

    @routes.get("/collection", responses=documented(429, 503))
    async def collection() -> About:
        """Describe the collection and the limits of this server."""
        settings = service.settings

        def about() -> About:
            return About(
                title=settings.title,
                products=service.collection.gallery.products.count(),
                images=len(service.collection),
                columns=list(service.columns),
                writable=bool(settings.key),
                collections=list(settings.further),
                needs_key=bool(settings.read_keys),
                feedback=settings.keep is not None,
                keep_days=settings.keep_days if settings.keep is not None else None,
                max_bytes=settings.max_bytes,
                max_pixels=settings.max_pixels,
            )

        return await service.monitoring.do(about)

    return routes
