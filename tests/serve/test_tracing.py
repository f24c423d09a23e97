"""OpenTelemetry spans, recorded by a provider of the tests' own."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from opentelemetry import trace
from starlette.testclient import TestClient

from beautylens.serve import tracing
from tests.conftest import Shop

PARENT = f"00-{'4b' * 16}-{'0a' * 8}-01"


class RecordedSpan(trace.NonRecordingSpan):
    """A span that remembers."""

    def __init__(self, name: str, parent: trace.SpanContext, start: int | None) -> None:
        super().__init__(trace.SpanContext(parent.trace_id or 1, id(self), is_remote=False))
        self.name, self.parent, self.start, self.ended = name, parent, start, None
        self.attributes: dict[str, Any] = {}

    def is_recording(self) -> bool:
        return True

    def set_attribute(self, key: str, value: Any) -> None:
        self.attributes[key] = value

    def set_attributes(self, attributes: dict[str, Any]) -> None:
        self.attributes |= attributes

    def update_name(self, name: str) -> None:
        self.name = name

    def end(self, end_time: int | None = None) -> None:
        self.ended = end_time


@dataclass
class Recorder(trace.TracerProvider, trace.Tracer):
    """A provider whose only tracer keeps its spans."""

    spans: list[RecordedSpan] = field(default_factory=list)

    def get_tracer(self, *_: Any, **__: Any) -> trace.Tracer:
        return self

    def start_span(
        self, name: str, context: Any = None, *_: Any, start_time: int | None = None, **__: Any
    ) -> RecordedSpan:
        parent = trace.get_current_span(context).get_span_context()
        self.spans.append(RecordedSpan(name, parent, start_time))
        return self.spans[-1]

    def start_as_current_span(self, name: str, *_: Any, **__: Any) -> Any:
        return trace.use_span(self.start_span(name))


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    provider = Recorder()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    return provider


def test_a_search_is_a_span_of_its_caller_with_its_stages_one_after_the_other(
    client: TestClient, shop: Shop, recorder: Recorder
) -> None:
    files = {"image": shop.photo(0).read_bytes()}
    answer = client.post("/v1/search", files=files, headers={"traceparent": PARENT}).json()
    request = recorder.spans[0]
    assert request.parent.trace_id == int("4b" * 16, 16)
    assert request.attributes["http.route"] == "/v1/search"
    assert request.attributes["beautylens.verdict"] == answer["verdict"]
    stages = [span for span in recorder.spans if span.name.startswith("search ")]
    assert {"search decode", "search describe", "search retrieve"} <= {each.name for each in stages}
    assert "search total" not in {each.name for each in stages}
    assert {each.get_span_context().trace_id for each in stages} == {int("4b" * 16, 16)}
    for before, after in pairwise(stages):
        assert before.start <= before.ended == after.start
    for each in stages:
        milliseconds = answer["milliseconds"][each.name.removeprefix("search ")]
        assert (each.ended - each.start) / 1e6 == pytest.approx(milliseconds, abs=0.01)


def test_a_batch_has_the_stages_of_each_photo(
    client: TestClient, shop: Shop, recorder: Recorder
) -> None:
    client.post("/v1/search/batch", files=[("image", shop.photo(0).read_bytes())] * 2)
    assert [span.name for span in recorder.spans].count("search retrieve") == 2


def test_an_endpoint_without_the_exporter_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for missing in ("nothing.of.this.name", "beautylens.nothing"):
        monkeypatch.setattr(tracing, "_EXPORTER", missing)
        assert tracing.telemetry()["auto_configure"] is False
    monkeypatch.setattr(tracing, "_EXPORTER", "beautylens.serve")
    assert tracing.telemetry()["auto_configure"] is True
