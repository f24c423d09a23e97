"""The words of a text, as every part that compares texts sees them."""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"[a-z0-9]+")
# Decomposed, these would grow onto the word they follow: "Solutions™" must stay "solutions".
_SIGNS = str.maketrans("™℠", "  ")


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case, accents taken off: "Rosé N°5" is rose, n, 5.

    Digits stay, for a shade's number or a size tells products apart ("475", "30ml"). Vowel signs
    of scripts that write them as marks stay in their word; a script without spaces gives one word
    a phrase.
    """
    if text.isascii():
        return _WORD.findall(text.lower())
    plain = unicodedata.normalize("NFKD", text.translate(_SIGNS)).casefold()
    return "".join(map(_kept, plain)).split()


def _kept(character: str) -> str:
    """Return what stays of a character: itself, nothing for an accent, else a gap."""
    if character.isalnum():
        return character
    if unicodedata.combining(character):
        return ""
    return character if unicodedata.category(character) in {"Mn", "Mc"} else " "
