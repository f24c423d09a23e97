"""Texts of others: compared in one normal form, and printed without what steers a terminal."""

from __future__ import annotations

import re
import unicodedata

# Bytes of a file name that are no text (PEP 383).
_BYTES = (0xDC80, 0xDCFF)
# Control characters but tab and line feed, breaks of lines that are none of a terminal's, marks
# that turn the direction of what follows (UAX 9), and halves of pairs.
_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_BREAKS = re.compile(r"[\t\n]")


def composed(text: str) -> str:
    """Return a text in the normal form NFC, in which "é" is one character however it was typed."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def printable(text: str) -> str:
    r"""Return a text whose control characters are written as escapes: \x1b, \u202e, \xff.

    Also those marks that turn the direction of writing, and bytes of a file name that are no text.
    Tabs and line feeds stay.
    """
    return _STEERING.sub(_escaped, text)


def on_one_line(text: str) -> str:
    r"""Return a text as `printable` does, its tabs and line feeds written as escapes too."""
    return _BREAKS.sub(_escaped, printable(text))


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    if _BYTES[0] <= code <= _BYTES[1]:
        code -= 0xDC00
    return {0x09: r"\t", 0x0A: r"\n", 0x0D: r"\r"}.get(
        code, f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    )
