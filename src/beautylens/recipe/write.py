"""Recipes as TOML files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w

from beautylens.recipe.recipe import Recipe


def write_recipe(path: Path, recipe: Recipe, comment: str) -> None:
    """Write a recipe as TOML, which `read_recipe` reads back unchanged.

    Args:
        path: of the file.
        recipe: with absolute encoder paths.
        comment: its first line.
    """
    values = _without_empty(recipe.model_dump(mode="json", exclude_none=True))
    if len(values["encoders"]) == 1:
        (values["encoder"],) = values.pop("encoders")
    # Plain values first: TOML would take those behind a table as part of it.
    tables = {name: value for name, value in values.items() if _is_table(value)}
    plain = {name: value for name, value in values.items() if name not in tables}
    path.write_text(f"# {comment}\n{tomli_w.dumps(plain | tables)}", encoding="utf-8")


def _is_table(value: Any) -> bool:
    return isinstance(value[0] if isinstance(value, list) and value else value, dict)


def _without_empty(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings without empty texts and tables."""
    kept = {name: _plain(value) for name, value in values.items()}
    return {name: value for name, value in kept.items() if value not in ("", {})}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return _without_empty(value)
    return [_plain(item) for item in value] if isinstance(value, list) else value
