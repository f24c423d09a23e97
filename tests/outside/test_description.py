"""The API's description: what it promises holds, whatever is sent."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.outside.process import Served
from tests.serve.conftest import WRITER

OPERATIONS = (
    ("/v1/search", "POST"),
    ("/v1/search/batch", "POST"),
    ("/v1/explain", "POST"),
    ("/v1/feedback", "POST"),
    ("/v1/events", "POST"),
    ("/v1/queries", "GET"),
    ("/v1/queries/{query_id}", "PUT"),
    ("/v1/queries/{query_id}", "DELETE"),
    ("/v1/queries/{query_id}/photo", "GET"),
    ("/v1/collection", "GET"),
    ("/v1/products/{product_id}", "GET"),
    ("/v1/products/{product_id}", "PUT"),
    ("/v1/products/{product_id}", "PATCH"),
    ("/v1/products/{product_id}", "DELETE"),
    ("/v1/products/{product_id}/image", "GET"),
    ("/health/live", "GET"),
    ("/health/ready", "GET"),
    ("/metrics", "GET"),
)


@pytest.fixture(scope="module")
def description(server: Served) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_url(f"{server.address}/openapi.json")


def test_every_operation_is_tried(description: schemathesis.BaseSchema) -> None:
    described = description.raw_schema["paths"]
    found = {(path, method.upper()) for path, methods in described.items() for method in methods}
    assert found == set(OPERATIONS)


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_answer_is_one_that_is_described(
    description: schemathesis.BaseSchema, path: str, method: str
) -> None:
    @settings(max_examples=20, suppress_health_check=list(HealthCheck))
    @given(case=description[path][method].as_strategy())
    def holds(case: schemathesis.Case) -> None:
        # Random bytes are no picture: that a right request is accepted is tested with photos.
        case.call_and_validate(headers=WRITER, excluded_checks=[positive_data_acceptance])

    holds()
