"""docs/recipes.md names every setting of a recipe with its default and what it may be."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from beautylens.features.encoder.pooling import CLASS_TOKEN, POOLINGS
from beautylens.recipe.recipe import Recipe, shipped_recipes

PAGE = (Path(__file__).parents[1] / "docs" / "recipes.md").read_text("utf-8")
SCHEMA = Recipe.model_json_schema()


def settings_of(model: str) -> dict[str, tuple[str, str]]:
    """Every setting of a section with its default and range, as the page writes them."""
    schema = SCHEMA["$defs"][model]
    needed = schema.get("required", ())
    return {
        name: ("needed" if name in needed else default(value), span(value))
        for name, value in schema["properties"].items()
    }


def default(value: dict[str, Any]) -> str:
    given = value.get("default")
    if given is None:
        return "left out" if "$ref" not in value else ""
    return f"`{json.dumps(given)}`"


def span(value: dict[str, Any]) -> str:
    """What a value may be: by its least and most, its names, or its type."""
    if "anyOf" in value:
        (value,) = (part for part in value["anyOf"] if part != {"type": "null"})
    if "$ref" in value:
        return "table"
    if "const" in value or "enum" in value:
        names = value.get("enum") or [value["const"]]
        return ", ".join(f"`{json.dumps(name)}`" for name in names)
    if "items" in value or "prefixItems" in value:
        return f"list of {span(value.get('items') or value['prefixItems'][0])}"
    kinds = {"boolean": "`true`, `false`", "string": "text", "object": "table"}
    return kinds.get(value["type"]) or numbers(value)


def numbers(value: dict[str, Any]) -> str:
    low = plain(value["minimum"]) if "minimum" in value else "above 0"
    assert "minimum" in value or value["exclusiveMinimum"] == 0
    if "maximum" in value:
        return f"{low} to {plain(value['maximum'])}"
    if "exclusiveMaximum" in value:
        return f"{low} to below {plain(value['exclusiveMaximum'])}"
    return f"{low} or more"


def plain(number: float) -> str:
    return f"{number:,}".removesuffix(".0")


def written(model: str) -> dict[str, tuple[str, str]]:
    """The rows that the page has for a section, after the comment that names its model."""
    _, _, rest = PAGE.partition(f"<!-- {model} -->\n")
    table = rest.partition("\n\n")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    return {name.strip("`"): (default, span) for name, default, span, _ in cells[2:]}


SECTIONS = sorted(name for name in SCHEMA["$defs"] if name != "PoolingSettings")


@pytest.mark.parametrize("model", SECTIONS)
def test_every_setting_stands_on_the_page_with_its_default_and_range(model: str) -> None:
    assert written(model) == settings_of(model)


def test_every_section_has_a_heading() -> None:
    headings = re.findall(r"^### .*$", PAGE, re.MULTILINE)
    for section in {*Recipe.model_fields, "encoder"} - {"name"}:
        assert any(f"`[{section}]`" in heading or f"`[[{section}]]`" in heading
                   for heading in headings), section  # fmt: skip


def test_every_shipped_recipe_and_pooling_is_named() -> None:
    for name in (*shipped_recipes(), *POOLINGS, CLASS_TOKEN):
        assert f"`{name}`" in PAGE
