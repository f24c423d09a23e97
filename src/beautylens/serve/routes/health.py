"""`GET /health`, `/health/live`, `/metrics` and `GET /v1/collection`."""

from __future__ import annotations

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from beautylens.serve.models import About, Health
from beautylens.serve.problems import documented
from beautylens.serve.service import Service


def health_routes(service: Service) -> APIRouter:
    """Return the routes by which a server is watched, and says what it is."""
    routes = APIRouter(tags=["server"])

    @routes.get("/health/live")
    async def live() -> Health:
        """Tell that the process answers; where it does not, start it anew."""
        return Health(status="live")

    @routes.get("/health/ready", responses=documented(429, 503))
    @routes.get("/health", responses=documented(429, 503), include_in_schema=False)
    async def ready() -> Health:
        """Tell that photos can be searched; where not, send requests elsewhere, or restart it."""
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
        """Give the figures that Prometheus reads; a server with a write key asks for it here."""
        text = await service.watching.do(service.metrics.text)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    @routes.get("/v1/collection", responses=documented(429, 503))
    async def collection() -> About:
        """Tell what is searched in, and what this server takes."""
        settings = service.settings

        def about() -> About:
            return About(
                title=settings.title,
                images=len(service.collection),
                columns=list(service.columns),
                writable=bool(settings.key),
                feedback=settings.keep is not None,
                max_bytes=settings.max_bytes,
                max_pixels=settings.max_pixels,
            )

        return await service.watching.do(about)

    return routes
