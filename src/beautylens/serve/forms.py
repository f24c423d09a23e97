"""Forms: multipart, in which a part named `image` is a file even without a file name, or JSON."""

from __future__ import annotations

import asyncio
import binascii
import io
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from fastapi.routing import APIRoute
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import Response

from beautylens.serve.problems import HTTPProblem

MEDIA_TYPE = b"multipart/form-data"
JSON_TYPE = b"application/json"
# Name of the field that is a JSON object in forms, too.
METADATA = "metadata"
# Maximum values, lists and objects of a JSON form, whose parsing would take much memory.
JSON_VALUES = 200
# Name of the file parts in all forms of the service.
PICTURES = b"image"
# Maximum bytes of a part's Content-Disposition, whose parsing takes quadratic time on the event
# loop: enough for a field name and the longest file name, percent-encoded.
DISPOSITION_BYTES = 1024


# The schema of a picture in a JSON form.
BASE64 = {"type": "string", "contentEncoding": "base64"}


def json_form(properties: Mapping[str, Any], required: Sequence[str] = ()) -> dict[str, Any]:
    """Return the OpenAPI description of JSON in place of a multipart form.

    Args:
        properties: schemas of fields that differ from those of the multipart form.
        required: fields that must be there.
    """
    schema = {
        "type": "object",
        "description": "The fields of the multipart form, pictures as base64.",
        "properties": properties,
        "required": list(required),
        "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
    }
    return {"requestBody": {"content": {JSON_TYPE.decode(): {"schema": schema}}}}


class FormRoute(APIRoute):
    """A route whose forms accept pictures without a file name, and JSON with pictures as base64."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, which parses forms in this way."""
        answer = super().get_route_handler()

        async def answer_form(request: Request) -> Response:
            return await answer(_FormRequest(request.scope, request.receive))

        return answer_form


class _FormRequest(Request):
    async def _get_form(self, **limits: Any) -> FormData:
        kind = parse_options_header(self.headers.get("content-type"))[0]
        if self._form is None and kind == JSON_TYPE:
            # In a thread: twenty megabytes take a tenth of a second.
            self._form = await asyncio.to_thread(_from_json, await self.body(), **limits)
        if self._form is None and kind != MEDIA_TYPE:
            # A request without a body; bodies of other types were refused before.
            self._form = FormData()
        if self._form is None:
            try:
                async with aclosing(self.stream()) as stream:
                    self._form = await _Parser(self.headers, stream, **limits).parse()
            except MultiPartException as error:
                raise HTTPException(400, error.message) from error
        return self._form


def _from_json(body: bytes, *, max_files: int, **_: Any) -> FormData:
    """Return the form that a JSON object describes.

    Raises:
        HTTPProblem: when it is no object of texts, numbers and booleans, or a picture is no base64.
    """
    if sum(map(body.count, (b",", b"[", b"{"))) > JSON_VALUES:
        raise _wrong(f"the JSON has more than {JSON_VALUES} values; send fewer")
    try:
        fields = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise _wrong("the body is not JSON; " + _HELP) from None
    if not isinstance(fields, dict):
        raise _wrong("the JSON is not an object; " + _HELP)
    images = fields.pop(PICTURES.decode(), None)
    pictures = images if isinstance(images, list) else [] if images is None else [images]
    if len(pictures) > max_files:
        raise _wrong(f"image has {len(pictures)} pictures; send at most {max_files}")
    items = [(name, _text(name, value)) for name, value in fields.items() if value is not None]
    return FormData([*((PICTURES.decode(), _picture(each)) for each in pictures), *items])


def _text(name: str, value: Any) -> str:
    """Return the text of a form's field."""
    if isinstance(value, str):
        # A lone surrogate cannot be written as UTF-8.
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, bool | int | float) or (name == METADATA and isinstance(value, dict)):
        return json.dumps(value)
    raise _wrong(f"{name} is not a text, number, true or false; correct it")


def _picture(text: Any) -> UploadFile:
    """Return the picture of a base64 text, or of a `data:` URL."""
    if not isinstance(text, str):
        raise _wrong("image is not a text; " + _HELP)
    encoded = text.partition(",")[2] if text.startswith("data:") else text
    try:
        # The alphabet of URLs is base64, too; padding may be missing.
        plain = encoded.encode("ascii").translate(_PLAIN, b" \t\r\n").rstrip(b"=")
        data = binascii.a2b_base64(plain + b"=" * (-len(plain) % 4), strict_mode=True)
    except ValueError:
        raise _wrong("image is not base64; " + _HELP) from None
    return UploadFile(io.BytesIO(data), size=len(data), filename="image")


def _wrong(detail: str) -> HTTPProblem:
    return HTTPProblem(400, "wrong-request", detail)


_HELP = 'send {"image": "<base64>", "limit": 3}, or multipart/form-data'
_PLAIN = bytes.maketrans(b"-_", b"+/")


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
