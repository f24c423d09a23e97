"""Validation of texts in requests."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Form, Path

from beautylens.catalogue.json_tables import SEPARATOR
from beautylens.errors import TableError

# Maximum length of a field of a product.
LONGEST = 1000
LONGEST_ID = 200
_PLAIN = r"^[^\x00-\x1f\x7f]*$"
# What an id of a new product must not contain, because browsers, tables and the paths of this API
# would change or misread it.
_UNFIT = re.compile(rf"^\s|\s$|{SEPARATOR}|\ufffd|(^|/)\.{{1,2}}(/|$)|/image$")

Fact = Annotated[str, Form(max_length=LONGEST, pattern=_PLAIN)]
FactOrNone = Annotated[str | None, Form(max_length=LONGEST, pattern=_PLAIN)]
PathId = Annotated[str, Path(min_length=1, max_length=LONGEST_ID, pattern=_PLAIN)]
FormId = Annotated[str, Form(max_length=LONGEST_ID, pattern=_PLAIN, examples=["1001"])]


def check_id(product_id: str) -> None:
    """Check an id of a product.

    Raises:
        TableError: when it contains what a path or table cannot represent.
    """
    if _UNFIT.search(product_id):
        raise TableError(
            f"{product_id!r} cannot be a product id; remove {SEPARATOR!r}, leading and trailing "
            "spaces, the parts '.' and '..', a trailing '/image', and invalid characters"
        )


def check_fact(text: str) -> None:
    """Check a value of the metadata, as form fields are checked by their pattern.

    Raises:
        TableError: when it is too long or has control characters.
    """
    if len(text) > LONGEST or not re.match(_PLAIN, text) or re.search("[\ud800-\udfff]", text):
        raise TableError(
            f"a value of the metadata has more than {LONGEST} characters, or control characters; "
            "correct it"
        )
