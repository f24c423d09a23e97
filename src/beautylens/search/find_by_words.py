"""Look-up by words: products that the words on the pack, or those typed, name."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from beautylens.query import Query
from beautylens.results import Matches
from beautylens.search.outside import ScoreOutside
from beautylens.store.product_words import ProductWords
from beautylens.text.ocr import Line
from beautylens.text.tokens import tokens_of

# Words of a photo that are looked up: those of the tallest lines, which name the product. More are
# small text, and take longer.
MOST_WORDS = 32
# Letters of the shortest word that is looked up if it was read; shorter ones are mostly misread.
SHORTEST = 2
# Pictures of a product that are verified, the nearest first.
PICTURES = 3


class FindByWords:
    """Adds the products that have the words of the photo or of the user to the short-list.

    It finds what looks and keypoints miss: a pack that is small in the catalogue picture, plain
    glass, or another design with the same name.

    Args:
        words: look-up of products.
        outside: scores the products that are added.
        products: added at most for the words of the photo, and as many for those typed.
        photo: whether the photo is read; otherwise only typed words count.
        decided: returns whether the evidence so far is enough; then the photo is not read.
    """

    def __init__(
        self,
        words: ProductWords,
        outside: ScoreOutside,
        *,
        products: int,
        photo: bool = True,
        decided: Callable[[Matches], bool],
    ) -> None:
        self._words, self._outside, self._products = words, outside, products
        self._photo, self._decided = photo, decided

    def __call__(self, query: Query, matches: Matches) -> Matches:
        """Return the matches and the added ones."""
        if not self._words.exists():
            return matches
        named = self._named([query.words] if query.words else [], query.where)
        if self._photo and not self._decided(matches):
            named |= self._named(tallest(query.lines), query.where)
        known = {match.product.product_id for match in matches}
        new = [product for product in named if product not in known]
        if not new:
            return matches
        return matches.with_rows([*matches, *self._outside(query, new, PICTURES)])

    def _named(self, lines: list[str], where: str | None) -> dict[str, float]:
        return self._words.search(lines, self._products, where) if lines else {}


def tallest(lines: Iterable[Line]) -> list[str]:
    """Return the texts of the tallest lines, with as many words as are looked up."""
    texts: list[str] = []
    count = 0
    for line in sorted(lines, key=lambda line: -line.height):
        words = [key for key, _ in tokens_of(line.text) if len(key) >= SHORTEST or key.isdigit()]
        if count >= MOST_WORDS:
            break
        texts.append(" ".join(words[: MOST_WORDS - count]))
        count += len(words)
    return [text for text in texts if text]
