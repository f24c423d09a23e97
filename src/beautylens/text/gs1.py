"""Item numbers in the texts of codes: plain, as GS1 element strings, or as GS1 Digital Links.

GS1 General Specifications, section 3 (application identifiers); GS1 Digital Link URI syntax 1.2.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import parse_qsl, unquote, urlsplit

from beautylens.catalogue.gtin import gtin14


@dataclass(frozen=True, slots=True)
class Code:
    """What a code says of an item.

    Args:
        gtin: fourteen digits.
        batch: the batch or lot; empty if it says none.
        expiry: the date of expiry, else that up to which it is best, in ISO 8601; empty if none.
    """

    gtin: str
    batch: str = ""
    expiry: str = ""


# Identifiers: GTIN of the item or of those in a case; batch; expiry and best before.
_ITEM, _BATCH, _EXPIRY = ("01", "gtin", "02"), ("10", "lot"), ("17", "15")
# Of fixed length, which no separator ends; all others end at one.
_LENGTHS = {"00": 18, "01": 14, "02": 14} | dict.fromkeys(("11", "12", "13", "15", "16", "17"), 6)
_SEPARATOR = "\x1d"
_BRACKETED = re.compile(r"\((\d{2,4})\)([^(]*)")
_WHOLE = re.compile(r"\d{12,14}")
_NUMBER = re.compile(r"\d{8}|\d{12,14}")


def code_of(text: str, *, elements: bool) -> Code | None:
    """Return the item that the text of a code says; None if it says no valid GTIN.

    `(01)04006381333931(10)A1` and `https://id.gs1.org/01/04006381333931/10/A1` do; so does the
    number alone, and any address with `/01/` before a valid number.

    Args:
        text: of the code.
        elements: whether the code says that its text is an element string of GS1.
    """
    if text.startswith("("):
        said: Mapping[str, str] = dict(_BRACKETED.findall(text))
    elif elements:
        said = _elements(text)
    elif _WHOLE.fullmatch(text):
        said = {"01": text}
    else:
        said = _link(text)
    written = _first(said, _ITEM)
    gtin = gtin14(written) if _NUMBER.fullmatch(written) else None
    if gtin is None:
        return None
    return Code(gtin, _first(said, _BATCH).strip(), _date(_first(said, _EXPIRY)))


def _elements(text: str) -> dict[str, str]:
    """Return the elements of a string without brackets, by their identifiers of two digits."""
    said: dict[str, str] = {}
    rest = text.lstrip(_SEPARATOR)
    while rest:
        identifier, rest = rest[:2], rest[2:]
        if length := _LENGTHS.get(identifier):
            value, rest = rest[:length], rest[length:]
        else:
            value, _, rest = rest.partition(_SEPARATOR)
        said.setdefault(identifier, value)
        rest = rest.removeprefix(_SEPARATOR)
    return said


def _link(text: str) -> dict[str, str]:
    """Return the elements of an address: pairs of its path from the item on, and its query."""
    try:
        parts = urlsplit(text.strip())
        if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
            return {}
    except ValueError:
        return {}
    names = [unquote(part) for part in parts.path.split("/")]
    item = next((n for n, name in enumerate(names) if name in _ITEM and names[n + 1 :]), None)
    if item is None:
        return {}
    pairs = dict(zip(names[item::2], names[item + 1 :: 2], strict=False))
    return dict(parse_qsl(parts.query)) | pairs


def _first(said: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((said[name] for name in names if said.get(name)), "")


def _date(written: str) -> str:
    """Return a date of six digits (YYMMDD) in ISO 8601; day 00 is the last of the month."""
    if not re.fullmatch(r"\d{6}", written):
        return ""
    year, month, day = 2000 + int(written[:2]), int(written[2:4]), int(written[4:])
    if not 1 <= month <= 12:
        return ""
    try:
        return date(year, month, day or monthrange(year, month)[1]).isoformat()
    except ValueError:
        return ""
