"""Multipart forms in which a part named `image` is a file, even without a file name."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import Any

from fastapi.routing import APIRoute
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import Response

MEDIA_TYPE = b"multipart/form-data"
# Name of the file parts in all forms of the service.
PICTURES = b"image"
# Maximum bytes of a part's Content-Disposition, whose parsing takes quadratic time on the event
# loop: enough for a field name and the longest file name, percent-encoded.
DISPOSITION_BYTES = 1024


class FormRoute(APIRoute):
    """A route whose forms accept pictures without a file name."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, which parses forms in this way."""
        answer = super().get_route_handler()

        async def answer_form(request: Request) -> Response:
            return await answer(_FormRequest(request.scope, request.receive))

        return answer_form


class _FormRequest(Request):
    async def _get_form(self, **limits: Any) -> FormData:
        if parse_options_header(self.headers.get("content-type"))[0] != MEDIA_TYPE:
            # A request without a body; bodies of other types were refused before.
            self._form = FormData()
        if self._form is None:
            try:
                async with aclosing(self.stream()) as stream:
                    self._form = await _Parser(self.headers, stream, **limits).parse()
            except MultiPartException as error:
                raise HTTPException(400, error.message) from error
        return self._form


class _Parser(MultiPartParser):
    """A parser that reads a part as a file if it has a file name or is named `image`.

    A file name is optional (RFC 7578, section 4.2), and some clients send only `filename*`,
    although the RFC forbids it.
    """

    def on_headers_finished(self) -> None:
        disposition = self._current_part.content_disposition or b""
        if len(disposition) > DISPOSITION_BYTES:
            raise MultiPartException(
                f"a part has a Content-Disposition of more than {DISPOSITION_BYTES} bytes"
            )
        _, options = parse_options_header(disposition)
        if options.get(b"name") == PICTURES and b"filename" not in options:
            self._current_part.content_disposition = disposition + b'; filename="image"'
        super().on_headers_finished()
