"""Global trade item numbers, whichever way they are written.

GS1 General Specifications, sections 1.4 (padding to fourteen digits) and 7.9 (check digit).
"""

from __future__ import annotations

import re

DIGITS = 14
SHORTEST = 8
# Leading zeros get lost in spreadsheets: a UPC-A can come as few as this many digits.
FEWEST = 7
_NUMBER = re.compile(r"\d+(?:[ \-]+\d+)*(?:\.0+)?", re.ASCII)


def gtin14(written: str) -> str | None:
    """Return a number in its fourteen digits, or None where it is no GTIN.

    "0 36000-29145 2", "36000291452" and "036000291452" are the same. Eight digits that begin with
    0 are a UPC-E where its check digit says so, for a GTIN-8 that begins with 0 is a shop's own.
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


def is_valid(digits: str) -> bool:
    """Tell whether the last digit is the check digit of the others.

    From the right, the digits weigh 1, 3, 1, 3, ...; the sum of a GTIN is a multiple of ten.
    """
    total = sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(reversed(digits)))
    return total % 10 == 0


def upc_a(upc_e: str) -> str:
    """Return the twelve digits that the eight of a UPC-E stand for.

    Number system, six digits of which the last says where zeros were left out, check digit.
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
    """Return the ways in which a catalogue may write a GTIN of fourteen digits, most usual first.

    With fewer leading zeros, down to none, and in the groups that stand below the bars.
    """
    bare = gtin.lstrip("0")
    plain = [gtin[-length:] for length in range(DIGITS, max(len(bare), FEWEST) - 1, -1)]
    groups = [
        f"{gtin[:1]} {gtin[1:3]} {gtin[3:8]} {gtin[8:13]} {gtin[13]}",
        f"{gtin[1]} {gtin[2:8]} {gtin[8:]}",
        f"{gtin[2]} {gtin[3:8]} {gtin[8:13]} {gtin[13]}",
    ]
    # A group for fewer digits would leave some out.
    grouped = [written for written in groups if len(written.replace(" ", "")) >= len(bare)]
    dashed = [written.replace(" ", "-") for written in grouped]
    return tuple(dict.fromkeys([*plain, *grouped, *dashed]))
