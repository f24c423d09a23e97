"""Texts that strangers send: what they may hold before anything is done with them."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Form, Path

from beautylens.catalogue.readers import SEPARATOR
from beautylens.errors import TableError

# Letters of one of a product's facts.
LONGEST = 1000
LONGEST_ID = 200
_PLAIN = r"^[^\x00-\x1f\x7f]*$"
# One way to write each id: what browsers, tables and this API's own addresses would take for
# something else names no new product.
_UNFIT = re.compile(rf"^\s|\s$|{SEPARATOR}|\ufffd|(^|/)\.{{1,2}}(/|$)|/image$")

Fact = Annotated[str, Form(max_length=LONGEST, pattern=_PLAIN)]
PathId = Annotated[str, Path(min_length=1, max_length=LONGEST_ID, pattern=_PLAIN)]
FormId = Annotated[str, Form(max_length=LONGEST_ID, pattern=_PLAIN, examples=["1001"])]


def check_id(product_id: str) -> None:
    """Refuse an id that could not be told from another, or not be given back.

    Raises:
        TableError: naming what it must not hold.
    """
    if _UNFIT.search(product_id):
        raise TableError(
            f"{product_id!r} cannot be the id of a product: leave out {SEPARATOR!r}, spaces at "
            "its ends, the parts '.' and '..', the ending '/image' and letters that are none"
        )


def check_fact(text: str) -> None:
    """Refuse a fact that did not come as a form field, which is checked by its pattern.

    Raises:
        TableError: when it is too long or has letters that cannot be written.
    """
    if len(text) > LONGEST or not re.match(_PLAIN, text) or re.search("[\ud800-\udfff]", text):
        raise TableError(
            f"a value of the metadata has more than {LONGEST} letters, or such as cannot be written"
        )
