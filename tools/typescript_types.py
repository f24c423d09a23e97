"""Write the types of the HTTP API for TypeScript, from its OpenAPI description.

Run it after a change of the API: `python tools/typescript_types.py`. A test compares the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from beautylens.collection import Collection
from beautylens.serve.app import make_app
from beautylens.serve.settings import ServeSettings

FILE = Path(__file__).parents[1] / "clients/typescript/types.d.ts"
# Schemas of the description, and the names of their types; those that they refer to are added.
WANTED = {
    "Answer": "Answer",
    "BatchLine": "BatchLine",
    "Item": "Item",
    "About": "About",
    "Body_search_v1_search_post": "SearchFields",
    "Body_search_batch_v1_search_batch_post": "BatchFields",
    "Body_events_v1_events_post": "EventFields",
}
_PLAIN = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}
_WIDTH = 96
_HEAD = "// Written by tools/typescript_types.py from the OpenAPI description: do not edit."


def types_of(description: Mapping[str, Any]) -> str:
    """Return the TypeScript declarations of an OpenAPI description."""
    schemas = description["components"]["schemas"]
    names, waiting = dict(WANTED), list(WANTED)
    while waiting:
        for reference in _references(schemas[waiting.pop()]):
            if reference not in names:
                names[reference] = reference
                waiting.append(reference)
    declared = "\n".join(_declared(names[each], schemas[each]) for each in names)
    return f"{_HEAD}\n\n{declared}"


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        if "$ref" in schema:
            yield _name_of(schema)
        for each in schema.values():
            yield from _references(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from _references(each)


def _declared(name: str, schema: Mapping[str, Any]) -> str:
    required = schema.get("required", [])
    lines = [*_comment(schema.get("description", ""), ""), f"export interface {name} {{"]
    for field, each in schema["properties"].items():
        # Pictures are arguments of their own.
        if field == "image" and name.endswith("Fields"):
            continue
        optional = "" if field in required else "?"
        lines += _comment(each.get("description", ""), "  ")
        lines.append(f"  {field}{optional}: {_type(each)};")
    return "\n".join([*lines, "}", ""])


def _comment(text: str, indent: str) -> Iterator[str]:
    """Yield the lines of a comment."""
    words = text.split()
    if not words:
        return
    if len(text) + len(indent) + 7 <= _WIDTH:
        yield f"{indent}/** {' '.join(words)} */"
        return
    yield f"{indent}/**"
    line = f"{indent} *"
    for word in words:
        if len(line) + 1 + len(word) > _WIDTH:
            yield line
            line = f"{indent} *"
        line += f" {word}"
    yield line
    yield f"{indent} */"


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return _name_of(schema)
    if "enum" in schema:
        return " | ".join(map(json.dumps, schema["enum"]))
    if "anyOf" in schema:
        return " | ".join(map(_type, schema["anyOf"]))
    return _plain_type(schema)


def _plain_type(schema: Mapping[str, Any]) -> str:
    if "prefixItems" in schema:
        return f"[{', '.join(map(_type, schema['prefixItems']))}]"
    if schema["type"] == "array":
        item = _type(schema["items"])
        return f"({item})[]" if " " in item else f"{item}[]"
    if schema["type"] == "object":
        return f"Record<string, {_type(schema['additionalProperties'])}>"
    return _PLAIN[schema["type"]]


def _name_of(schema: Mapping[str, Any]) -> str:
    return str(schema["$ref"].rpartition("/")[2])


def main() -> None:
    """Write the types of the API as it is."""
    # A description needs no catalogue, which is only asked by requests.
    app = make_app(ServeSettings(collection="none.lens"), cast(Collection, object()))
    FILE.write_text(types_of(app.openapi()), "utf-8")
    print(f"{FILE} written")


if __name__ == "__main__":
    main()
