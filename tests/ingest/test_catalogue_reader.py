"""Reading catalogue pictures: those of products whose texts say little."""

from __future__ import annotations

import numpy as np
import pytest

from beautylens.ingest.catalogue_reader import CatalogueReader, identifies
from tests.search.test_read import Seen


@pytest.mark.parametrize(
    ("text", "enough"),
    [("", False), ("10443", False), ("SKU 10443", False), ("Dior Rouge 999", True)],
)
def test_a_number_is_no_telling_name(text: str, enough: bool) -> None:
    assert identifies(text) is enough


def test_pictures_of_telling_products_are_left_unread() -> None:
    seen = Seen("VELVET", "475")
    picture = np.zeros((8, 8, 3), np.uint8)
    nameless = CatalogueReader(lambda: seen, nameless=True)
    assert nameless({"brand": "Dior", "name": "Rouge"}, picture) == ""
    assert nameless({"brand": "", "name": "SKU 1"}, picture) == "VELVET\n475"
