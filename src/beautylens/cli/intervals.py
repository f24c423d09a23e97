"""Times between two rounds of a command: 30s, 15m, 1h, 1d."""

from __future__ import annotations

import re
from typing import Annotated

import typer

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_INTERVAL = re.compile(r"(\d{1,6})\s*([smhd]?)", re.IGNORECASE)
# A round that failed is tried again after this many intervals at most.
_MOST = 8


def seconds_of(text: str) -> float:
    """Return the seconds of an interval such as 90, 30s, 15m, 1h or 1d.

    Raises:
        BadParameter: when it is none, or 0.
    """
    found = _INTERVAL.fullmatch(text.strip())
    if found is None or not int(found[1]):
        raise typer.BadParameter(f"{text!r} is not an interval such as 30s, 15m, 1h or 1d")
    return float(int(found[1]) * _SECONDS[found[2].lower() or "s"])


def next_wait(every: float, failures: int) -> float:
    """Return the seconds until the next round: doubled by every failure in a row, up to eightfold.

    Args:
        every: interval in seconds.
        failures: number of rounds that failed, without one that succeeded since.
    """
    return every * min(2.0**failures, _MOST)


Every = Annotated[
    float | None,
    typer.Option(
        "--every",
        metavar="INTERVAL",
        parser=seconds_of,
        help="Mirror at this interval whenever the table has changed, such as 1h.",
    ),
]
