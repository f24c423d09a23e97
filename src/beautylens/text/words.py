"""Words of a text: the one tokenisation for all comparisons of texts."""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"[a-z0-9]+")
# NFKD would append these to the word before them: "Solutions™" must stay "solutions".
_SIGNS = str.maketrans("™℠", "  ")


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case without accents: "Rosé N°5" is rose, n, 5.

    Digits are kept, since products differ by a shade's number or a size ("475", "30ml"). Vowel
    signs that are combining marks stay in their word; in a script without spaces a phrase is one
    word.
    """
    if text.isascii():
        return _WORD.findall(text.lower())
    plain = unicodedata.normalize("NFKD", text.translate(_SIGNS)).casefold()
    return "".join(map(_kept, plain)).split()


def _kept(character: str) -> str:
    """Return the character, nothing for an accent, or a space for other signs."""
    if character.isalnum():
        return character
    if unicodedata.combining(character):
        return ""
    return character if unicodedata.category(character) in {"Mn", "Mc"} else " "
