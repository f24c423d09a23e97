"""The page's texts: every language has all of them."""

from __future__ import annotations

import re
from importlib import resources

import pytest

WEB = resources.files("beautylens.serve") / "web"
KEY = re.compile(r'^  "?([\w-]+)"?: ', re.MULTILINE)
PLACE = re.compile(r"\{(\w+)\}")


def texts(language: str) -> dict[str, set[str]]:
    """The places for values in each text."""
    file = (WEB / f"text-{language}.js").read_text("utf-8")
    starts = [*KEY.finditer(file)]
    ends = [*(found.start() for found in starts[1:]), len(file)]
    pieces = {found[1]: file[found.end() : end] for found, end in zip(starts, ends, strict=True)}
    return {key: set(PLACE.findall(piece)) for key, piece in pieces.items()}


@pytest.mark.parametrize("language", ["de", "fr", "es"])
def test_every_language_has_every_text_with_the_same_values(language: str) -> None:
    assert texts(language) == texts("en")


def test_every_text_that_the_page_names_exists() -> None:
    page = (WEB / "index.html").read_text("utf-8")
    named = set(re.findall(r'data-(?:text|label|example)="([\w-]+)"', page))
    for script in ("app", "answer", "cards", "api"):
        named |= set(re.findall(r'\btext\("([\w-]+)"', (WEB / f"{script}.js").read_text("utf-8")))
    assert len(named) > 40
    assert named <= set(texts("en"))
