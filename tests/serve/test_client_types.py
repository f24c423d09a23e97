"""The types of the TypeScript client: those of the API's description."""

from __future__ import annotations

import json

from starlette.testclient import TestClient
from tools.typescript_types import FILE, WANTED, types_of

import beautylens as bl


def test_the_types_of_the_client_are_those_of_the_api(client: TestClient) -> None:
    written = types_of(client.get("/openapi.json").json())
    assert FILE.read_text("utf-8") == written, "run `python tools/typescript_types.py`"


def test_a_type_follows_its_schema() -> None:
    empty = {"properties": {}}
    names = (*WANTED, "Inner")
    box = {"prefixItems": [{"type": "integer"}, {"type": "string"}], "type": "array"}
    fields = {
        "kind": {"enum": ["a", "b"], "type": "string", "description": "Which."},
        "box": {"anyOf": [box, {"type": "null"}]},
        "mixed": {"type": "array", "items": {"anyOf": [{"type": "number"}, {"type": "null"}]}},
        "by": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Inner"}},
    }
    schemas = {
        **dict.fromkeys(names, empty),
        "Answer": {"properties": fields, "required": ["kind"]},
        "Inner": {"properties": {"flag": {"type": "boolean"}}},
        "Body_search_batch_v1_search_batch_post": {
            "properties": {"image": {"type": "array"}, "limit": {"type": "integer"}}
        },
    }
    written = types_of({"components": {"schemas": schemas}})
    for line in (
        "  /** Which. */",
        '  kind: "a" | "b";',
        "  box?: [number, string] | null;",
        "  mixed?: (number | null)[];",
        "  by?: Record<string, Inner>;",
        "export interface Inner {",
        "  flag?: boolean;",
        "export interface BatchFields {\n  limit?: number;\n}",
    ):
        assert line in written


def test_the_client_has_the_version_of_the_package() -> None:
    package = json.loads((FILE.parent / "package.json").read_text("utf-8"))
    assert package["version"] == bl.__version__
    assert "dependencies" not in package
