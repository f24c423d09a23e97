"""The server's log: one line per event, whatever text a request contains."""

from __future__ import annotations

import json
import logging
import re
import uuid
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from starlette.datastructures import Headers

from beautylens.inputs.unicode_text import on_one_line, printable

Log = Literal["errors", "text", "json"]
# The ids that proxies give, such as UUIDs; others could be mistaken for text of the log.
_GIVEN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:=+/-]{0,127}")
# Version, trace id, parent id and flags (W3C Trace Context).
_TRACE_PARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*")
REQUEST_LINES = "beautylens.requests"


@dataclass
class RequestRecord:
    """What the log says about one request."""

    request_id: str
    verdict: str | None = None
    milliseconds: Mapping[str, float] = field(default_factory=dict)


# The request that is being handled, also in the threads that work for it.
REQUEST: ContextVar[RequestRecord | None] = ContextVar("beautylens_request", default=None)


def request_id(headers: Headers) -> str:
    """Return the id of a request: that of `X-Request-ID` or `traceparent`, or a new one."""
    if _GIVEN_ID.fullmatch(given := headers.get("x-request-id", "")):
        return given
    if trace := _TRACE_PARENT.fullmatch(headers.get("traceparent", "")):
        return trace[1]
    return uuid.uuid4().hex


class OneLineFormatter(logging.Formatter):
    """Formats time, level, request id and message on one line, and a traceback indented below it.

    Text of requests and catalogues can neither start a new line nor control the terminal.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of an event."""
        message = on_one_line(record.getMessage())
        lines = [f"{_time(record)} {record.levelname} {_current_id()} {message}"]
        if record.exc_info:
            lines += printable(self.formatException(record.exc_info)).split("\n")
        return "\n    ".join(lines)


class JsonFormatter(logging.Formatter):
    """Formats an event as one JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of an event."""
        fields = {"time": _time(record), "level": record.levelname, "id": _current_id()}
        # Only the lines of requests have further fields.
        if (about := getattr(record, "request", None)) is not None:
            return json.dumps(fields | about)
        fields["message"] = record.getMessage()
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps(fields)


def logging_of(log: Log) -> dict[str, Any]:
    """Return the configuration for `logging.config.dictConfig`, in each process of a server.

    Args:
        log: `errors` for warnings and errors alone, `text` or `json` for a line per request, too.
    """
    formatter = "JsonFormatter" if log == "json" else "OneLineFormatter"
    requests = "WARNING" if log == "errors" else "INFO"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": f"beautylens.serve.log.{formatter}"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {REQUEST_LINES: {"level": requests}},
    }


def _time(record: logging.LogRecord) -> str:
    time = datetime.fromtimestamp(record.created, UTC)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _current_id() -> str:
    request = REQUEST.get()
    return "-" if request is None else request.request_id
