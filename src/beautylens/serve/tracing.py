"""OpenTelemetry: spans of requests, which FastAPI records, and of the stages of searches.

Nothing is recorded unless the packages that export are installed, and an endpoint is set.
"""

from __future__ import annotations

import time
from importlib.util import find_spec

from fastapi.telemetry import TelemetryConfig
from opentelemetry import trace

from beautylens.results import Matches

_EXPORTER = "opentelemetry.exporter.otlp.proto.http"


def telemetry() -> TelemetryConfig:
    """Return FastAPI's settings: spans and metrics go to the endpoint of the environment.

    Without the exporter's package such an endpoint, which may be there for other programs, is
    ignored. Logs stay in the server's own log.
    """
    return {"auto_configure": _has_exporter(), "operation_spans": False, "logs": False}


def trace_stages(matches: Matches) -> None:
    """Add spans of the stages of a search, which has just ended, to the span of its request."""
    request = trace.get_current_span()
    if not request.is_recording():
        return
    request.set_attribute("beautylens.verdict", matches.verdict or "none")
    stages = {name: round(1e6 * each) for name, each in matches.milliseconds.items()}
    start = time.time_ns() - stages.pop("total", 0)
    # One after the other, as the stages are; the short times between them are not known.
    for name, nanoseconds in stages.items():
        span = trace.get_tracer("beautylens").start_span(f"search {name}", start_time=start)
        start += nanoseconds
        span.end(start)


def _has_exporter() -> bool:
    try:
        return find_spec(_EXPORTER) is not None
    except ModuleNotFoundError:
        # A package around it is missing.
        return False
