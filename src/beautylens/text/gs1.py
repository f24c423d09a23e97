"""GTINs in the texts of codes: plain, as a GS1 element string, or as a GS1 Digital Link.

GS1 General Specifications, section 3 (application identifiers); GS1 Digital Link URI syntax 1.2.
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from beautylens.catalogue.gtin import gtin14

_BRACKETED = re.compile(r"\((01|02)\)(\d{14})")
# Element strings begin with one of fixed length: 01, or the case that has one.
_PLAIN = re.compile(r"(?:\x1d|^)(?:00\d{18})?(?:01|02)(\d{14})")
_IN_PATH = re.compile(r"/(?:01|gtin)/(\d{8}|\d{12,14})(?=/|$)")
_WHOLE = re.compile(r"\d{12,14}")


def gtin_of_text(text: str, *, elements: bool) -> str | None:
    """Return the GTIN that the text of a two-dimensional code has; None without one.

    `(01)04006381333931(10)A1` and `https://id.gs1.org/01/04006381333931/10/A1` have; so has the
    number alone, and any address with `/01/` before a valid number.

    Args:
        text: of the code.
        elements: whether the code says that its text is an element string of GS1.
    """
    if found := _BRACKETED.match(text):
        return gtin14(found[2])
    if elements and (found := _PLAIN.search(text)):
        return gtin14(found[1])
    if _WHOLE.fullmatch(text):
        return gtin14(text)
    return _of_link(text)


def _of_link(text: str) -> str | None:
    try:
        parts = urlsplit(text.strip())
    except ValueError:
        return None
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        return None
    found = _IN_PATH.search(unquote(parts.path))
    return gtin14(found[1]) if found else None
