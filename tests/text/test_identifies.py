"""Texts that identify a product."""

from __future__ import annotations

import pytest

from beautylens.text.tokens import identifies


@pytest.mark.parametrize(
    ("text", "enough"),
    [("", False), ("10443", False), ("SKU 10443", False), ("Dior Rouge 999", True)],
)
def test_numbers_alone_identify_no_product(text: str, enough: bool) -> None:
    assert identifies(text) is enough
