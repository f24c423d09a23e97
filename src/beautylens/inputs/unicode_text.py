"""Unicode text: normalisation for comparison, and escapes of control characters for output."""

from __future__ import annotations

import re
import unicodedata

# Surrogates that stand for undecodable bytes of a file name (PEP 383).
_BYTES = (0xDC80, 0xDCFF)
# Control characters except tab and line feed, Unicode line separators, bidirectional controls
# (UAX 9), and surrogates.
_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_BREAKS = re.compile(r"[\t\n]")


def composed(text: str) -> str:
    """Return a text in the normal form NFC, in which "é" is a single character."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def printable(text: str) -> str:
    r"""Return a text with escapes for control characters: \x1b, \u202e, \xff.

    Bidirectional controls and undecodable bytes of file names are escaped too; tabs and line feeds
    are kept.
    """
    return _STEERING.sub(_escaped, text)


def on_one_line(text: str) -> str:
    r"""Return a text as `printable` does, with escapes for tabs and line feeds too."""
    return _BREAKS.sub(_escaped, printable(text))


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    if _BYTES[0] <= code <= _BYTES[1]:
        code -= 0xDC00
    return {0x09: r"\t", 0x0A: r"\n", 0x0D: r"\r"}.get(
        code, f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    )
