"""The words of texts in the form that an index of words stores and looks up."""

from __future__ import annotations

from collections.abc import Iterable

from beautylens.text.tokens import tokens_of

# Letters of the longest catalogue value that is taken for text on the pack: a description shares
# words with it by chance.
LONGEST_VALUE = 60


def index_words(texts: Iterable[str]) -> str:
    """Return the keys of the tokens of all texts, each once, separated by spaces."""
    return " ".join(dict.fromkeys(key for text in texts for key, _ in tokens_of(text)))
