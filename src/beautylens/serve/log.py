"""The server's log: one line per event, whatever text a request contains."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from beautylens.inputs.unicode_text import on_one_line, printable


class OneLineFormatter(logging.Formatter):
    """Formats level and message on one line, and a traceback indented below it.

    Text of requests and catalogues can neither start a new line nor control the terminal.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of an event."""
        lines = [f"{record.levelname}: {on_one_line(record.getMessage())}"]
        if record.exc_info:
            lines += printable(self.formatException(record.exc_info)).split("\n")
        return "\n    ".join(lines)


# Configuration for `logging.config.dictConfig`, in each process of a server.
LOGGING: Mapping[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "beautylens.serve.log.OneLineFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}
