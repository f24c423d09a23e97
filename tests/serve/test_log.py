"""The server's log: one line an event."""

from __future__ import annotations

import logging
import logging.config
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from beautylens.serve.log import OneLineFormatter, logging_of


@pytest.fixture
def record() -> Iterator[logging.LogRecord]:
    try:
        raise ValueError("bad \x1b[2J\nERROR: forged")
    except ValueError:
        yield logging.LogRecord(
            "any", logging.WARNING, "", 0, "the filter %r\n%s", ("x", "\x1b]0;t\x07\u202eA\nB"),
            sys.exc_info(),
        )  # fmt: skip


def test_no_text_of_an_event_begins_a_line_or_steers_the_terminal(
    record: logging.LogRecord,
) -> None:
    first, *others = OneLineFormatter().format(record).split("\n")
    time, rest = first.split(" ", 1)
    assert datetime.fromisoformat(time).tzinfo is UTC
    assert rest == r"WARNING - the filter 'x'\n\x1b]0;t\x07\u202eA\nB"
    assert others
    assert all(line.startswith("    ") for line in others)
    assert others[-2:] == [r"    ValueError: bad \x1b[2J", "    ERROR: forged"]


def test_every_logger_of_a_server_writes_so(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        logging.config.dictConfig(logging_of("errors"))
        logging.getLogger("of.some.library").warning("a\nb")
        assert capsys.readouterr().err.endswith(" WARNING - a\\nb\n")
    finally:
        root.handlers[:], level = before
        root.setLevel(level)
