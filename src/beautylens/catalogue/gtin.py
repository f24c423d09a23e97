"""Global trade item numbers (GTIN) in all usual notations.

GS1 General Specifications, sections 1.4 (padding to fourteen digits) and 7.9 (check digit).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

DIGITS = 14
SHORTEST = 8
# Spreadsheets drop leading zeros, so a GTIN may have as few digits as this.
FEWEST = 7
_NUMBER = re.compile(r"\d+(?:[ \-]+\d+)*(?:\.0+)?", re.ASCII)

# What a person or a program writes before a number: "EAN-13: ", "UPC-A ", "(01)".
_LABEL = re.compile(
    r"(?:\b(?:e-?ans?|gtins?|upcs?|jans?|isbns?|barcodes?|codes?)"
    r"(?:[ \-]?(?:8|1[234]|[ae]))?(?![a-z0-9])|\bean(?=\d{8})|\(\d\d\))"
    r"\s*(?:nos?\.?|numbers?)?\s*[:=#.]*",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"[;|/&+\n\r\t]|,(?!0+$)|\band\b|\bund\b|\bet\b")
_THOUSANDS = re.compile(r"\d{1,3}(?:([.,'\u2019])\d{3})(?:\1\d{3}){1,3}", re.ASCII)
_SCIENTIFIC = re.compile(r"(\d)(?:[.,](\d+))?e\+?(\d{1,2})", re.ASCII | re.IGNORECASE)


def gtin14(written: str) -> str | None:
    """Return a GTIN as fourteen digits, or None if it is not a valid GTIN.

    "0 36000-29145 2", "36000291452" and "036000291452" are the same. Eight digits that begin with
    0 are a UPC-E if its check digit is valid, because GTIN-8s that begin with 0 are for internal
    use of shops.
    """
    if not _NUMBER.fullmatch(written.strip()):
        return None
    digits = re.sub(r"\D", "", written.split(".", maxsplit=1)[0])
    if not FEWEST <= len(digits) <= DIGITS or not digits.strip("0"):
        return None
    if len(digits) == SHORTEST and digits[0] == "0":
        expanded = upc_a(digits).zfill(DIGITS)
        if is_valid(expanded):
            return expanded
    padded = digits.zfill(DIGITS)
    return padded if is_valid(padded) else None


def gtins_in(cell: str) -> tuple[str, ...]:
    """Return the GTINs in a table's cell, fourteen digits each, in their order.

    A cell may have been written by a spreadsheet or by hand: `'4006381333931`, `="4006381333931"`,
    `4.006381333931E+12`, `EAN: 4006381333931`, full-width digits, invisible marks, several numbers.
    """
    if not cell or cell.isspace():
        return ()
    plain = cell if cell.isascii() and cell.isdigit() else _plain(cell)
    found = (gtin14(number) for number in _numbers(plain))
    return tuple(dict.fromkeys(gtin for gtin in found if gtin is not None))


def lost_digits(cell: str) -> bool:
    """Return whether a cell is a number that a spreadsheet rounded, such as 4.00638E+12."""
    written = _SCIENTIFIC.fullmatch(_plain(cell))
    return written is not None and len(written[2] or "") < int(written[3])


def tidy_cell(cell: str) -> str:
    """Return a cell normalised for lookups.

    A single number in any of its `spellings` and a text without a GTIN stay unchanged; other
    notations become plain digits, several numbers joined by `;`.
    """
    found, plain = gtins_in(cell), cell.strip()
    if not found:
        return cell
    if len(found) == 1 and plain in spellings(found[0]):
        return plain
    return ";".join(map(_usual, found))


def _usual(gtin: str) -> str:
    """Return a GTIN in the fewest digits of a standard length: 8, 12, 13 or 14."""
    return gtin[-next(length for length in (8, 12, 13, 14) if len(gtin.lstrip("0")) <= length) :]


def _plain(cell: str) -> str:
    """Return a cell in ASCII digits, without invisible marks and a spreadsheet's quotes."""
    marks = ("Cf", "Cc")
    text = unicodedata.normalize("NFKC", cell)
    text = "".join(c for c in text if c in "\n\r\t" or unicodedata.category(c) not in marks)
    text = "".join(str(unicodedata.decimal(c, c)) for c in text)
    return text.translate(_HYPHENS).strip(" \n\r\t=\"'`\u2018\u2019\u201c\u201d\u00b4")


_HYPHENS = {ord(c): "-" for c in "\u2010\u2011\u2012\u2013\u2014\u2212"}


def _numbers(text: str) -> Iterator[str]:
    """Yield the parts of a cell that may each be a number."""
    if _THOUSANDS.fullmatch(text):
        yield re.sub(r"\D", "", text)
    elif written := _SCIENTIFIC.fullmatch(text):
        if not lost_digits(text):
            yield (written[1] + (written[2] or "").rstrip("0")).ljust(int(written[3]) + 1, "0")
    else:
        for part in _BETWEEN.split(_LABEL.sub(";", text)):
            yield from _words(re.sub(r",0+$", "", part).strip(" :='\"()[]"))


def _words(part: str) -> Iterator[str]:
    """Yield a part as a whole if it is a GTIN, else its words."""
    if gtin14(part) is not None:
        yield part
    else:
        yield from (word for word in part.split() if len(word) > FEWEST)


def is_valid(digits: str) -> bool:
    """Return whether the last digit is the check digit of the others.

    From the right, the digits have weights 1, 3, 1, 3, ...; the sum must be a multiple of ten.
    """
    total = sum(int(digit) * (1, 3)[index % 2] for index, digit in enumerate(reversed(digits)))
    return total % 10 == 0


def upc_a(upc_e: str) -> str:
    """Return the UPC-A, twelve digits, of a UPC-E of eight digits.

    A UPC-E is number system, six digits of which the last encodes the omitted zeros, check digit.
    """
    system, body, check = upc_e[0], upc_e[1:7], upc_e[7]
    last = body[5]
    if last in "012":
        middle = f"{body[:2]}{last}0000{body[2:5]}"
    elif last == "3":
        middle = f"{body[:3]}00000{body[3:5]}"
    elif last == "4":
        middle = f"{body[:4]}00000{body[4]}"
    else:
        middle = f"{body[:5]}0000{last}"
    return f"{system}{middle}{check}"


def spellings(gtin: str) -> tuple[str, ...]:
    """Return the notations of a GTIN of fourteen digits in catalogues, the most usual first.

    With fewer leading zeros, down to none, and in the digit groups printed below barcodes.
    """
    bare = gtin.lstrip("0")
    plain = [gtin[-length:] for length in range(DIGITS, max(len(bare), FEWEST) - 1, -1)]
    groups = [
        f"{gtin[:1]} {gtin[1:3]} {gtin[3:8]} {gtin[8:13]} {gtin[13]}",
        f"{gtin[1]} {gtin[2:8]} {gtin[8:]}",
        f"{gtin[2]} {gtin[3:8]} {gtin[8:13]} {gtin[13]}",
    ]
    # Groupings for shorter GTINs would drop digits.
    grouped = [written for written in groups if len(written.replace(" ", "")) >= len(bare)]
    dashed = [written.replace(" ", "-") for written in grouped]
    return tuple(dict.fromkeys([*plain, *grouped, *dashed]))
