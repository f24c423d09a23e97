"""The page and the API description, served from files of the package."""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable

from fastapi import FastAPI, Response

from beautylens.serve.middleware.headers import POLICY

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
PAGES = {"index.html": "/", "docs.html": "/docs", "review.html": "/review"}
# Swagger UI sets inline styles from its script.
_DOCS_POLICY = POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")


def show_page(app: FastAPI) -> None:
    """Serve the page at `/`, the API description at `/docs`, and the owner's page at `/review`."""
    web = resources.files("beautylens.serve") / "web"
    for file in web.iterdir():
        address = PAGES.get(file.name, f"/{file.name}")
        _show(app, address, file, _DOCS_POLICY if file.name == "docs.html" else POLICY)
    swagger = resources.files("fastapi_offline") / "static"
    for name in ("swagger-ui-bundle.js", "swagger-ui.css"):
        _show(app, f"/docs/{name}", swagger / name, POLICY)


def _show(app: FastAPI, address: str, file: Traversable, policy: str) -> None:
    content, kind = file.read_bytes(), TYPES[file.name[file.name.rindex(".") :]]
    headers = {"Cache-Control": "no-cache", "Content-Security-Policy": policy}

    @app.get(address, include_in_schema=False)
    async def page() -> Response:
        return Response(content, media_type=kind, headers=headers)
