"""The server's log: one line an event, whatever strangers sent."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from beautylens.inputs.unicode_text import on_one_line, printable


class OneLineFormatter(logging.Formatter):
    """Writes level and message on one line; a traceback stands indented below it.

    No text of a request or a catalogue can begin a line, nor steer the terminal that shows it.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return what is written of an event."""
        lines = [f"{record.levelname}: {on_one_line(record.getMessage())}"]
        if record.exc_info:
            lines += printable(self.formatException(record.exc_info)).split("\n")
        return "\n    ".join(lines)


# For `logging.config.dictConfig`, in each process of a server.
LOGGING: Mapping[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "beautylens.serve.log.OneLineFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}
